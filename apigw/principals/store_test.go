// SPDX-License-Identifier: Apache-2.0

package principals

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/seal"
	"github.com/hivecloud/hive/internal/tenant"
)

// counting counts how often seals are opened.
type counting struct {
	*seal.Ring
	n atomic.Int64
}

func (c *counting) Open(account, keyID string, version int, box []byte) (seal.Secret, error) {
	c.n.Add(1)
	return c.Ring.Open(account, keyID, version, box)
}

type world struct {
	region *fsmtest.Region
	ring   *counting
	store  *Store
	made   *tenant.Tenant
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{region: fsmtest.NewRegion(t), ring: &counting{Ring: seal.Generate()}}
	region, _ := w.region.FSM.View().Region()
	var err error
	if w.made, err = tenant.New(tenant.Spec{Name: "acme", Admin: "alice", AdminKey: true, RootKey: true, Zones: region.Zones}, w.ring); err != nil {
		t.Fatal(err)
	}
	w.propose(t, w.made.Command)
	if w.store, err = New(w.region, w.ring); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) propose(t *testing.T, c command.Command) {
	t.Helper()
	if err := w.region.Propose(t.Context(), c, nil); err != nil {
		t.Fatal(err)
	}
}

func (w *world) lookup(t *testing.T, id string) apigw.Principal {
	t.Helper()
	p, err := w.store.Lookup(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLookup_RootAndUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	account := w.made.Command.Account.ID
	want := apigw.Principal{AccountID: account, AccessKeyID: w.made.RootKey.ID, ARN: "arn:aws:iam::" + account + ":root", UserID: account,
		Type: apigw.PrincipalRoot, Root: true, Secret: w.made.RootKey.Secret.Reveal(), Status: apigw.Active}
	if diff := cmp.Diff(want, w.lookup(t, w.made.RootKey.ID)); diff != "" {
		t.Errorf("root: %s", diff)
	}
	want = apigw.Principal{AccountID: account, AccessKeyID: w.made.AdminKey.ID, ARN: "arn:aws:iam::" + account + ":user/alice",
		UserID: w.made.Command.Users[1].ID, UserName: "alice", Type: apigw.PrincipalUser, Secret: w.made.AdminKey.Secret.Reveal(), Status: apigw.Active}
	if diff := cmp.Diff(want, w.lookup(t, w.made.AdminKey.ID)); diff != "" {
		t.Errorf("alice: %s", diff)
	}
	if _, err := w.store.Lookup(t.Context(), "AKIAAAAAAAAAAAAAAAAA"); !errors.Is(err, apigw.ErrUnknownKey) {
		t.Errorf("unknown key: %v", err)
	}
}

func TestKeyChanges_TakeEffectAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	account, id := w.made.Command.Account.ID, w.made.AdminKey.ID
	set := func(status string) {
		w.propose(t, command.UpdateAccessKey{AccountID: account, UserName: "alice", KeyID: id, Status: status})
	}
	w.lookup(t, id)
	set(state.KeyInactive)
	if p := w.lookup(t, id); p.Status != apigw.Inactive {
		t.Error("a deactivated key works")
	}
	set(state.KeyActive)
	if p := w.lookup(t, id); p.Status != apigw.Active {
		t.Error("a reactivated key does not work")
	}
	w.propose(t, command.DeleteAccessKey{AccountID: account, UserName: "alice", KeyID: id})
	if _, err := w.store.Lookup(t.Context(), id); !errors.Is(err, apigw.ErrUnknownKey) {
		t.Errorf("a deleted key: %v", err)
	}
	if len(w.store.opened) != 0 {
		t.Error("the secret of a deleted key is kept")
	}
}

func TestSecrets_AreOpenedOncePerRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 20 {
				if p, err := w.store.Lookup(t.Context(), w.made.AdminKey.ID); err != nil || p.Secret != w.made.AdminKey.Secret.Reveal() {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := w.ring.n.Load(); n < 1 || n > 4 {
		t.Errorf("opened %d times", n)
	}
}

func TestSealThatDoesNotOpen_IsNotUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	store, err := New(w.region, seal.Generate()) // another cluster's key file
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Lookup(t.Context(), w.made.RootKey.ID); !errors.Is(err, seal.ErrSealed) || errors.Is(err, apigw.ErrUnknownKey) {
		t.Errorf("got %v", err)
	}
}

// without is a region that cannot be read.
type without struct{}

func (without) View(context.Context) (*state.View, error) { return nil, context.DeadlineExceeded }

func TestNoLeader_IsAnErrorNotAnUnknownKey(t *testing.T) {
	t.Parallel()
	store, err := New(without{}, seal.Generate())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Lookup(t.Context(), "AKIAAAAAAAAAAAAAAAAA"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if _, err := New(nil, nil); err == nil {
		t.Error("made a store of nothing")
	}
}
