// SPDX-License-Identifier: Apache-2.0

package raftnode_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"sync"

	"github.com/hivecloud/hive/raftnode"
)

// kv is a state machine of registers. It recognises proposals that it has seen, as the region's does.
type kv struct {
	mu      sync.Mutex
	values  map[string]string
	answers map[string]string // by request id
	applied int               // entries that had an effect
}

func newKV() *kv { return &kv{values: map[string]string{}, answers: map[string]string{}} }

// kvCommand sets a register, or with If sets it only when it has the value If names.
type kvCommand struct {
	ID, Key, Value string
	If             *string
}

func (c kvCommand) encode() []byte {
	b, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	return b
}

func set(id, key, value string) []byte { return kvCommand{ID: id, Key: key, Value: value}.encode() }

func (k *kv) Apply(e raftnode.Entry) []byte {
	var c kvCommand
	if err := json.Unmarshal(e.Data, &c); err != nil {
		panic(fmt.Sprintf("entry %d: %v", e.Index, err))
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if answer, seen := k.answers[c.ID]; seen {
		return []byte(answer)
	}
	answer := "no"
	if c.If == nil || k.values[c.Key] == *c.If {
		k.values[c.Key] = c.Value
		answer = "ok"
	}
	k.applied++
	k.answers[c.ID] = answer
	return []byte(answer)
}

func (k *kv) get(key string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.values[key]
}

func (k *kv) effects() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.applied
}

type kvState struct {
	Values, Answers map[string]string
	Applied         int
}

func (k *kv) Snapshot() (raftnode.Snapshot, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return kvState{maps.Clone(k.values), maps.Clone(k.answers), k.applied}, nil
}

func (s kvState) Persist(w io.Writer) error { return json.NewEncoder(w).Encode(s) }
func (kvState) Release()                    {}

func (k *kv) Restore(r io.Reader) error {
	var s kvState
	if err := json.NewDecoder(r).Decode(&s); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.values, k.answers, k.applied = s.Values, s.Answers, s.Applied
	return nil
}
