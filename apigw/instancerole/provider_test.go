// SPDX-License-Identifier: Apache-2.0

package instancerole

import (
	"errors"
	"testing"
	"time"

	"github.com/hivecloud/hive/apigw/session"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/seal"
)

const (
	owner    = "111111111111"
	instance = "i-0123456789abcdef0"
	trustEC2 = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// world is a node with an instance that has a profile.
type world struct {
	t        *testing.T
	store    *state.Store
	ring     *seal.Ring
	provider *Provider
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, store: state.NewStore(), ring: seal.Generate()}
	var err error
	if w.provider, err = New(Config{View: w.store.View, Keys: w.ring, Region: "hive-1", NodeID: "n-1"}); err != nil {
		t.Fatal(err)
	}
	w.change(func(tx *state.Txn) {
		state.Accounts.Put(tx, &state.Account{ID: owner, Name: "acme", Status: state.AccountActive})
		state.Instances.Put(tx, &state.Instance{ID: instance, AccountID: owner, NodeID: "n-1", State: state.Running})
		state.ProfileAssociations.Put(tx, &state.ProfileAssociation{ID: "iip-assoc-1", AccountID: owner, InstanceID: instance, Profile: "web", ProfileID: "AIPA1"})
		state.InstanceProfiles.Put(tx, &state.InstanceProfile{AccountID: owner, Name: "web", ID: "AIPA1", Path: "/", Role: "worker"})
		state.Roles.Put(tx, &state.Role{AccountID: owner, Name: "worker", ID: "AROA1", Path: "/", Trust: trustEC2})
	})
	return w
}

func (w *world) change(edit func(*state.Txn)) {
	tx := w.store.Begin()
	edit(tx)
	tx.Commit()
}

func (w *world) editRole(edit func(*state.Role)) {
	w.change(func(tx *state.Txn) {
		old, _ := state.Roles.Get(tx.View, owner, state.RoleKey(owner, "worker"))
		r := *old
		edit(&r)
		state.Roles.Put(tx, &r)
	})
}

func (w *world) get(now time.Time) Credentials {
	w.t.Helper()
	c, err := w.provider.Credentials(instance, now)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func TestCredentials_AreASessionOfTheRole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.get(noon)
	if got.Role != "worker" || got.ProfileARN != "arn:aws:iam::111111111111:instance-profile/web" || got.ProfileID != "AIPA1" || !got.Expires.Equal(noon.Add(lifetime)) || !got.Updated.Equal(noon) {
		t.Errorf("got %+v", got)
	}
	keeper, err := session.New(w.ring)
	if err != nil {
		t.Fatal(err)
	}
	claims, secret, err := keeper.Open(got.AccessKeyID, got.Token.Reveal(), noon)
	if err != nil || secret.Reveal() != got.Secret.Reveal() {
		t.Fatalf("the credentials do not open: %v", err)
	}
	if s := claims.Session; s.Name != instance || s.RoleID != "AROA1" || s.InstanceARN != "arn:aws:ec2:hive-1:111111111111:instance/"+instance {
		t.Errorf("claims %+v", claims)
	}
}

// TestCredentials_AreRenewedBeforeTheyExpire: a guest that asks within the last minutes already has the next ones.
func TestCredentials_AreRenewedBeforeTheyExpire(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.get(noon)
	for after, renewed := range map[time.Duration]bool{0: false, time.Hour: false, lifetime - renewal - time.Second: false} {
		if got := w.get(noon.Add(after)); (got.AccessKeyID != first.AccessKeyID) != renewed {
			t.Errorf("after %s: renewed is %v", after, !renewed)
		}
	}
	second := w.get(noon.Add(lifetime - renewal))
	if second.AccessKeyID == first.AccessKeyID || second.Expires.Sub(noon.Add(lifetime)) < 5*time.Minute {
		t.Errorf("not renewed: %s until %s", second.AccessKeyID, second.Expires)
	}
}

func TestCredentials_FollowTheState(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.get(noon)
	w.editRole(func(r *state.Role) { r.RevokedBefore = state.At(noon.Add(time.Minute)) })
	second := w.get(noon.Add(time.Minute))
	if second.AccessKeyID == first.AccessKeyID {
		t.Error("the guest keeps a session that was revoked")
	}
	w.change(func(tx *state.Txn) {
		state.InstanceProfiles.Put(tx, &state.InstanceProfile{AccountID: owner, Name: "batch", ID: "AIPA2", Path: "/", Role: "worker"})
		state.ProfileAssociations.Delete(tx, "iip-assoc-1")
		state.ProfileAssociations.Put(tx, &state.ProfileAssociation{ID: "iip-assoc-2", AccountID: owner, InstanceID: instance, Profile: "batch", ProfileID: "AIPA2"})
	})
	if third := w.get(noon.Add(2 * time.Minute)); third.AccessKeyID == second.AccessKeyID || third.ProfileID != "AIPA2" {
		t.Errorf("after another profile: %+v", third)
	}
}

func TestCredentials_AreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edit func(*world)
		want error
	}{
		"no profile":      {func(w *world) { w.change(func(tx *state.Txn) { state.ProfileAssociations.Delete(tx, "iip-assoc-1") }) }, ErrNoProfile},
		"profile deleted": {func(w *world) { w.change(func(tx *state.Txn) { state.InstanceProfiles.Delete(tx, owner+"/web") }) }, ErrProfileGone},
		"another profile of the name": {func(w *world) {
			w.change(func(tx *state.Txn) {
				state.InstanceProfiles.Put(tx, &state.InstanceProfile{AccountID: owner, Name: "web", ID: "AIPA9", Path: "/", Role: "worker"})
			})
		}, ErrProfileGone},
		"role deleted": {func(w *world) { w.change(func(tx *state.Txn) { state.Roles.Delete(tx, owner+"/worker") }) }, ErrProfileGone},
		"EC2 not trusted": {func(w *world) {
			w.editRole(func(r *state.Role) {
				r.Trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
			})
		}, ErrNotTrusted},
		"runs elsewhere": {func(w *world) {
			w.change(func(tx *state.Txn) {
				state.Instances.Put(tx, &state.Instance{ID: instance, AccountID: owner, NodeID: "n-2", State: state.Running})
			})
		}, ErrUnknownInstance},
		"terminated": {func(w *world) {
			w.change(func(tx *state.Txn) {
				state.Instances.Put(tx, &state.Instance{ID: instance, AccountID: owner, NodeID: "n-1", State: state.Terminated})
			})
		}, ErrUnknownInstance},
		"account suspended": {func(w *world) {
			w.change(func(tx *state.Txn) {
				state.Accounts.Put(tx, &state.Account{ID: owner, Name: "acme", Status: state.AccountSuspended})
			})
		}, ErrUnknownInstance},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.get(noon)
			c.edit(w)
			if _, err := w.provider.Credentials(instance, noon); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}
