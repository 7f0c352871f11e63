// SPDX-License-Identifier: Apache-2.0

package state

import "fmt"

// ClientToken remembers the outcome of a call that carried AWS's ClientToken, so that its retry has the same outcome.
type ClientToken struct {
	AccountID  string
	Action     string
	Token      string
	ParamsHash string // hash of the call's parameters: the same token with others is IdempotentParameterMismatch
	Result     []byte // the encoded result
	Expires    Time
}

// ClientTokenKey is the key of a token's row.
func ClientTokenKey(account, action, token string) string {
	return account + "/" + action + "/" + token
}

// ClientTokens by key and by expiry.
var ClientTokens = &Table[ClientToken]{name: "client_tokens", id: 16,
	key:     func(t *ClientToken) string { return ClientTokenKey(t.AccountID, t.Action, t.Token) },
	account: func(t *ClientToken) string { return t.AccountID },
	indexes: map[Index]func(*ClientToken) []string{ByAccount: func(t *ClientToken) []string { return one(t.AccountID) }}}

// RequestSlots bounds how many proposals are remembered; a retry comes within seconds, this many later it cannot.
const RequestSlots = 16384

// Request remembers the result of one proposal by its request id, so that a proposal that was retried because its
// first outcome was unknown takes effect once. Rows live in a ring of RequestSlots, by log index.
type Request struct {
	Slot   uint64 // log index modulo RequestSlots
	ID     string // hex
	Index  uint64 // log index of the first apply
	Result []byte
}

// Requests by slot and by request id.
var Requests = &Table[Request]{name: "requests", id: 17,
	key:     func(r *Request) string { return fmt.Sprintf("%05d", r.Slot) },
	indexes: map[Index]func(*Request) []string{ByName: func(r *Request) []string { return one(r.ID) }}}

// Blob is a large value that rows refer to by hash: user data.
type Blob struct {
	Hash string // SHA-256, hex
	Data []byte
	Refs int // rows that name it; the row goes with the last
}

// Blobs by hash.
var Blobs = &Table[Blob]{name: "blobs", id: 18, key: func(b *Blob) string { return b.Hash }}

// UserData is the instance's user data, raw (decoded) bytes; nil when it has none.
func (v *View) UserData(hash string) []byte {
	if hash == "" {
		return nil
	}
	b, ok := Blobs.Get(v, AnyAccount, hash)
	if !ok {
		return nil
	}
	return b.Data
}
