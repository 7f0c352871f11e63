// SPDX-License-Identifier: Apache-2.0

package state

import (
	"fmt"
	"slices"

	"github.com/hashicorp/go-memdb"
)

// Store holds every table. One goroutine writes (the state machine); any number read.
type Store struct {
	db   *memdb.MemDB
	hash Hash
}

// NewStore returns an empty store.
func NewStore() *Store {
	schema := &memdb.DBSchema{Tables: map[string]*memdb.TableSchema{}}
	for _, t := range Tables() {
		schema.Tables[t.Name()] = t.schema()
	}
	db, err := memdb.NewMemDB(schema)
	if err != nil {
		panic(fmt.Sprintf("build state schema: %v", err))
	}
	return &Store{db: db}
}

// Hash is the rolling hash of all rows; equal states have equal hashes whatever path led there.
func (s *Store) Hash() Hash { return s.hash }

// View is a read-only, consistent snapshot of all tables.
type View struct{ txn *memdb.Txn }

// View takes a snapshot of now. It costs about two microseconds and needs no closing.
func (s *Store) View() *View { return &View{txn: s.db.Txn(false)} }

// Txn is the one open write transaction. Its embedded View sees its own writes.
type Txn struct {
	*View
	store *Store
	hash  Hash
}

// Begin opens the write transaction. Commit or Abort must follow.
func (s *Store) Begin() *Txn {
	return &Txn{View: &View{txn: s.db.Txn(true)}, store: s, hash: s.hash}
}

// Commit makes the transaction's writes visible at once, together with their hash.
func (tx *Txn) Commit() {
	tx.txn.Commit()
	tx.store.hash = tx.hash
}

// Abort forgets the transaction's writes.
func (tx *Txn) Abort() { tx.txn.Abort() }

// AnyTable is a table without its row type: what snapshots and inspection need.
type AnyTable interface {
	// Name is the table's name.
	Name() string
	// ID is the table's frozen number.
	ID() uint16
	// Since is the region format level that brought the table.
	Since() int
	// Encode calls emit with each row's encoding, in key order.
	Encode(v *View, emit func([]byte) error) error
	// Decode puts one encoded row, strictly: an unknown field is an error.
	Decode(tx *Txn, row []byte) error
	// Count is the number of rows.
	Count(v *View) int
	// Forget deletes the rows of an account and answers how many there were; none where rows have no account.
	Forget(tx *Txn, account string) int
	// Owned counts the rows of an account.
	Owned(v *View, account string) int

	schema() *memdb.TableSchema
}

// ID is the table's frozen number.
func (t *Table[T]) ID() uint16 { return t.id }

// Count is the number of rows.
func (t *Table[T]) Count(v *View) int {
	n := 0
	for range t.All(v) {
		n++
	}
	return n
}

// Owned counts the rows of an account.
func (t *Table[T]) Owned(v *View, account string) int {
	n := 0
	if t.account != nil {
		for row := range t.All(v) {
			if t.account(row) == account {
				n++
			}
		}
	}
	return n
}

// Forget deletes the rows of an account. It collects first and deletes second: a scan must not see its own writes.
func (t *Table[T]) Forget(tx *Txn, account string) int {
	if t.account == nil {
		return 0
	}
	var keys []string
	for row := range t.All(tx.View) {
		if t.account(row) == account {
			keys = append(keys, t.key(row))
		}
	}
	for _, key := range keys {
		t.Delete(tx, key)
	}
	return len(keys)
}

// Encode calls emit with each row's encoding, in key order. emit must not keep the slice.
func (t *Table[T]) Encode(v *View, emit func([]byte) error) error {
	for row := range t.All(v) {
		if err := encodeRow(row, emit); err != nil {
			return err
		}
	}
	return nil
}

// Decode puts one encoded row, strictly: an unknown field is an error.
func (t *Table[T]) Decode(tx *Txn, b []byte) error {
	row := new(T)
	if err := decodeRow(b, row); err != nil {
		return fmt.Errorf("decode row of table %s: %w", t.name, err)
	}
	if t.key(row) == "" {
		return fmt.Errorf("decode row of table %s: row without a key", t.name)
	}
	t.Put(tx, row)
	return nil
}

// Tables lists every table in id order. A table keeps its place: the sections of a snapshot stand in this order.
func Tables() []AnyTable {
	return []AnyTable{
		Regions, Accounts, Users, AccessKeys, Nodes, Instances, Volumes, Snapshots, Images, KeyPairs,
		TagSets, VPCs, Subnets, SecurityGroups, NetworkInterfaces, ClientTokens, Requests, Blobs,
		JoinTokens, Members, Clusters,
		Standings, RemovedNodes, LeaseTerms, Events, EventHeads,
		PlacementGroups,
		Settings,
		Rotations,
		IAMGroups, Roles, InstanceProfiles, ManagedPolicies, AccountSettingsOf, LoginProfiles, OIDCProviders, KeyUses,
		ProfileAssociations,
		KMSKeys, KMSAliases, ServiceControlPolicies, AccountQuotas, BoundedAccounts,
	}
}

// TablesOf lists the tables that a region of the given format level has, in id order.
func TablesOf(level int) []AnyTable {
	return slices.DeleteFunc(Tables(), func(t AnyTable) bool { return t.Since() > level })
}
