// SPDX-License-Identifier: Apache-2.0

package state

import (
	"fmt"
	"iter"

	"github.com/hashicorp/go-memdb"
)

// AnyAccount in a lookup finds rows of every account. Only region-internal code may pass it.
const AnyAccount = "*"

// Index names a secondary index of a table. A table has at most three (each costs about half a kilobyte an object).
type Index string

// The secondary indexes.
const (
	ByAccount  Index = "account"
	ByNode     Index = "node"
	ByName     Index = "name"
	ByVPC      Index = "vpc"
	BySubnet   Index = "subnet"
	ByOwner    Index = "owner"
	ByInstance Index = "instance"
	ByGroup    Index = "group"
)

// Table is one kind of row: its wire id (frozen: it stands in snapshots), its key and its indexes.
type Table[T any] struct {
	name    string
	id      uint16
	key     func(*T) string
	since   int // the region format level that brought the table; 0 and 1 are the first release
	account func(*T) string
	indexes map[Index]func(*T) []string
}

// Name is the table's name in snapshots and in `hive raft snapshot inspect`.
func (t *Table[T]) Name() string { return t.name }

// Since is the region format level that brought the table. Snapshots of a region below it have no such section.
func (t *Table[T]) Since() int { return max(t.since, 1) }

// Get finds a row by key when it belongs to account (or account is AnyAccount). The row must not be changed.
func (t *Table[T]) Get(v *View, account, key string) (*T, bool) {
	raw, err := v.txn.First(t.name, "id", key)
	if err != nil || raw == nil {
		return nil, false
	}
	row := raw.(*T)
	if account != AnyAccount && t.account != nil && t.account(row) != account {
		return nil, false
	}
	return row, true
}

// All iterates every row in key order.
func (t *Table[T]) All(v *View) iter.Seq[*T] {
	return t.scan(v, "id_prefix", "")
}

// List iterates the rows whose index holds value, in key order.
func (t *Table[T]) List(v *View, index Index, value string) iter.Seq[*T] {
	return t.scan(v, string(index), value)
}

// Of iterates the rows of one account, or every row for AnyAccount.
func (t *Table[T]) Of(v *View, account string) iter.Seq[*T] {
	if account == AnyAccount {
		return t.All(v)
	}
	return t.List(v, ByAccount, account)
}

// First is the first row of List.
func (t *Table[T]) First(v *View, index Index, value string) (*T, bool) {
	for row := range t.List(v, index, value) {
		return row, true
	}
	return nil, false
}

// Watch returns a channel that is closed when a row under index and value is added, changed or removed.
func (t *Table[T]) Watch(v *View, index Index, value string) <-chan struct{} {
	it, err := v.txn.Get(t.name, string(index), value)
	if err != nil {
		panic(fmt.Sprintf("watch table %s by %s: %v", t.name, index, err))
	}
	return it.WatchCh()
}

// WatchAll is Watch over the whole table.
func (t *Table[T]) WatchAll(v *View) <-chan struct{} {
	it, err := v.txn.Get(t.name, "id_prefix", "")
	if err != nil {
		panic(fmt.Sprintf("watch table %s: %v", t.name, err))
	}
	return it.WatchCh()
}

func (t *Table[T]) scan(v *View, index string, value string) iter.Seq[*T] {
	return func(yield func(*T) bool) {
		it, err := v.txn.Get(t.name, index, value)
		if err != nil {
			panic(fmt.Sprintf("scan table %s by %s: %v", t.name, index, err))
		}
		for raw := it.Next(); raw != nil; raw = it.Next() {
			if !yield(raw.(*T)) {
				return
			}
		}
	}
}

// Put adds or replaces a row. The caller gives the row away.
func (t *Table[T]) Put(tx *Txn, row *T) {
	key := t.key(row)
	if key == "" {
		panic(fmt.Sprintf("put into table %s: row without a key", t.name))
	}
	old, err := tx.txn.First(t.name, "id", key)
	if err != nil {
		panic(fmt.Sprintf("put into table %s: %v", t.name, err))
	}
	if old != nil {
		tx.hash.remove(t.id, old)
	}
	if err := tx.txn.Insert(t.name, row); err != nil {
		panic(fmt.Sprintf("put into table %s key %s: %v", t.name, key, err))
	}
	tx.hash.add(t.id, row)
}

// Delete removes the row of key; it tells whether there was one.
func (t *Table[T]) Delete(tx *Txn, key string) bool {
	old, err := tx.txn.First(t.name, "id", key)
	if err != nil || old == nil {
		return false
	}
	if err := tx.txn.Delete(t.name, old); err != nil {
		panic(fmt.Sprintf("delete from table %s key %s: %v", t.name, key, err))
	}
	tx.hash.remove(t.id, old)
	return true
}

// schema is the table's go-memdb schema.
func (t *Table[T]) schema() *memdb.TableSchema {
	s := &memdb.TableSchema{Name: t.name, Indexes: map[string]*memdb.IndexSchema{
		"id": {Name: "id", Unique: true, Indexer: keyIndexer[T]{t.key}},
	}}
	for name, values := range t.indexes { // any order makes the same schema
		s.Indexes[string(name)] = &memdb.IndexSchema{Name: string(name), AllowMissing: true, Indexer: valueIndexer[T]{values}}
	}
	return s
}

// keyIndexer reads the unique key by a function: reflection on field names would cost a microsecond a row.
type keyIndexer[T any] struct{ key func(*T) string }

// FromArgs encodes a key to look for.
func (k keyIndexer[T]) FromArgs(args ...any) ([]byte, error) { return argBytes(args) }

// PrefixFromArgs encodes a key prefix to look for.
func (k keyIndexer[T]) PrefixFromArgs(args ...any) ([]byte, error) {
	b, err := argBytes(args)
	if err != nil {
		return nil, err
	}
	return b[:len(b)-1], nil
}

// FromObject encodes the key of a row.
func (k keyIndexer[T]) FromObject(raw any) (bool, []byte, error) {
	row, ok := raw.(*T)
	if !ok {
		return false, nil, fmt.Errorf("index row: got %T", raw)
	}
	key := k.key(row)
	return key != "", terminated(key), nil
}

// valueIndexer reads the values of a secondary index; a row may have several.
type valueIndexer[T any] struct{ values func(*T) []string }

// FromArgs encodes an index value to look for.
func (x valueIndexer[T]) FromArgs(args ...any) ([]byte, error) { return argBytes(args) }

// FromObject encodes the index values of a row.
func (x valueIndexer[T]) FromObject(raw any) (bool, [][]byte, error) {
	row, ok := raw.(*T)
	if !ok {
		return false, nil, fmt.Errorf("index row: got %T", raw)
	}
	values := x.values(row)
	out := make([][]byte, 0, len(values))
	for _, v := range values {
		if v != "" {
			out = append(out, terminated(v))
		}
	}
	return len(out) > 0, out, nil
}

func argBytes(args []any) ([]byte, error) {
	if len(args) != 1 {
		return nil, fmt.Errorf("index lookup: want one argument, got %d", len(args))
	}
	s, ok := args[0].(string)
	if !ok {
		return nil, fmt.Errorf("index lookup: want a string, got %T", args[0])
	}
	return terminated(s), nil
}

// terminated ends a value with a zero byte, so that no value is a prefix of another.
func terminated(s string) []byte {
	b := make([]byte, len(s)+1)
	copy(b, s)
	return b
}

func one(s string) []string { return []string{s} }
