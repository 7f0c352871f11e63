// SPDX-License-Identifier: Apache-2.0

package principals

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/session"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/seal"
)

// Region reads the region's truth.
type Region interface {
	// View is a linearizable snapshot: it holds everything that was acknowledged before the call.
	View(ctx context.Context) (*state.View, error)
}

// Opener decrypts the secrets of access keys and derives those of sessions; *seal.Ring is one.
type Opener interface {
	session.Keys
	Open(account, keyID string, version int, box []byte) (seal.Secret, error)
}

// maxOpened bounds how many opened secrets are kept. Beyond it all are dropped: they come back as they are asked for.
const maxOpened = 10_000

// Store finds the owners of access keys. It is safe for concurrent use.
type Store struct {
	region Region
	opener Opener
	keeper *session.Keeper
	now    func() time.Time

	mu     sync.Mutex
	opened map[string]opened // by access key id
}

// opened is a secret and the row that it was opened from.
type opened struct {
	row    *state.AccessKey
	secret seal.Secret
}

var _ apigw.Principals = (*Store)(nil)

// New returns a store. It does no I/O.
func New(region Region, opener Opener) (*Store, error) {
	if region == nil || opener == nil {
		return nil, errors.New("principals: a region and an opener are required")
	}
	keeper, err := session.New(opener)
	if err != nil {
		return nil, fmt.Errorf("principals: %w", err)
	}
	return &Store{region: region, opener: opener, keeper: keeper, now: time.Now, opened: map[string]opened{}}, nil
}

// Lookup finds the owner of an access key. Keys without a user are unknown; keys of suspended accounts are inactive.
func (s *Store) Lookup(ctx context.Context, accessKeyID string) (apigw.Principal, error) {
	v, err := apigw.IdentityView(ctx, s.region.View)
	if err != nil {
		return apigw.Principal{}, fmt.Errorf("look up access key: %w", err)
	}
	key, ok := state.AccessKeys.Get(v, state.AnyAccount, accessKeyID)
	if !ok {
		s.forget(accessKeyID)
		return apigw.Principal{}, apigw.ErrUnknownKey
	}
	user, hasUser := state.Users.Get(v, key.AccountID, state.UserKey(key.AccountID, key.UserName))
	account, hasAccount := state.Accounts.Get(v, key.AccountID, key.AccountID)
	if !hasUser || !hasAccount {
		return apigw.Principal{}, apigw.ErrUnknownKey
	}
	secret, err := s.secret(key)
	if err != nil {
		return apigw.Principal{}, fmt.Errorf("look up access key: %w", err)
	}
	p := apigw.Principal{
		AccountID: account.ID, AccessKeyID: key.ID, ARN: user.ARN(), UserID: user.ID, UserName: user.Name,
		Type: apigw.PrincipalUser, Secret: secret.Reveal(), Status: apigw.Active,
	}
	if user.Root {
		p.Type, p.Root, p.UserName = apigw.PrincipalRoot, true, ""
	}
	if key.Status != state.KeyActive || account.Status != state.AccountActive {
		p.Status = apigw.Inactive
	}
	return p, nil
}

// secret opens the row's seal, unless it did so for this very row before.
func (s *Store) secret(key *state.AccessKey) (seal.Secret, error) {
	s.mu.Lock()
	kept, ok := s.opened[key.ID]
	s.mu.Unlock()
	if ok && kept.row == key {
		return kept.secret, nil
	}
	secret, err := s.opener.Open(key.AccountID, key.ID, key.KeyVersion, key.Secret)
	if err != nil {
		return seal.Secret{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.opened) >= maxOpened {
		clear(s.opened)
	}
	s.opened[key.ID] = opened{row: key, secret: secret}
	return secret, nil
}

// forget drops what is kept of a key that is gone.
func (s *Store) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.opened, id)
}
