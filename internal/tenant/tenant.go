// SPDX-License-Identifier: Apache-2.0

package tenant

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/seal"
)

// RootUser is the name of an account's root user.
const RootUser = "root"

// maxAccountName is AWS Organizations' limit, in characters.
const maxAccountName = 50

var (
	accountIDForm = regexp.MustCompile(`^[0-9]{12}$`)
	userNameForm  = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`)
)

// Sealer encrypts the secret of an access key; *seal.Ring is one.
type Sealer interface {
	Seal(account, keyID string, secret seal.Secret) (box []byte, version int, err error)
}

// Spec says what account to make.
type Spec struct {
	Name     string       // 1 to 50 characters, unique in the region
	Email    string       // may be empty
	ID       string       // 12 digits; empty chooses a random one
	System   bool         // the account that owns the images everyone sees as "amazon"
	Admin    string       // name of a first IAM user who may do everything; empty makes none
	AdminKey bool         // make an access key for Admin
	RootKey  bool         // make an access key for the root user
	Zones    []state.Zone // the region's zones, 1 to 16
	Now      state.Time   // creation time
}

// Tenant is an account to be: the command to propose, and the keys to show once when it was accepted.
type Tenant struct {
	Command  command.CreateAccount
	RootKey  *seal.AccessKey // nil unless asked for
	AdminKey *seal.AccessKey // nil unless asked for
}

// New builds a tenant. All faults of the spec are reported at once.
func New(spec Spec, sealer Sealer) (*Tenant, error) {
	if err := spec.validate(); err != nil {
		return nil, err
	}
	if spec.ID == "" {
		spec.ID = newAccountID()
	}
	t := &Tenant{Command: command.CreateAccount{
		Account: state.Account{ID: spec.ID, Name: spec.Name, Email: spec.Email, Status: state.AccountActive, Created: spec.Now, System: spec.System},
		Users:   []state.User{{AccountID: spec.ID, Name: RootUser, ID: spec.ID, Root: true, Admin: true, Created: spec.Now}},
	}}
	if err := t.addUsers(spec, sealer); err != nil {
		return nil, err
	}
	t.addDefaultVPC(spec)
	return t, nil
}

// addUsers adds the administrator and the keys that were asked for.
func (t *Tenant) addUsers(spec Spec, sealer Sealer) error {
	if spec.Admin != "" {
		t.Command.Users = append(t.Command.Users, state.User{AccountID: spec.ID, Name: spec.Admin, ID: NewUserID(), Path: "/", Admin: true, Created: spec.Now})
	}
	for _, want := range []struct {
		ask  bool
		user string
		into **seal.AccessKey
	}{{spec.RootKey, RootUser, &t.RootKey}, {spec.AdminKey, spec.Admin, &t.AdminKey}} {
		if !want.ask {
			continue
		}
		key, row, err := NewAccessKey(sealer, spec.ID, want.user, spec.Now)
		if err != nil {
			return err
		}
		t.Command.Keys = append(t.Command.Keys, row)
		*want.into = &key
	}
	return nil
}

// NewAccessKey makes an access key for a user: the key to show once, and its row with the sealed secret.
func NewAccessKey(sealer Sealer, account, user string, now state.Time) (seal.AccessKey, state.AccessKey, error) {
	key := seal.NewAccessKey()
	box, version, err := sealer.Seal(account, key.ID, key.Secret)
	if err != nil {
		return seal.AccessKey{}, state.AccessKey{}, fmt.Errorf("make access key for user %s of account %s: %w", user, account, err)
	}
	row := state.AccessKey{ID: key.ID, AccountID: account, UserName: user, Secret: box, KeyVersion: version, Status: state.KeyActive, Created: now}
	return key, row, nil
}

func (s *Spec) validate() error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	n := utf8.RuneCountInString(s.Name)
	fault(n < 1 || n > maxAccountName || strings.TrimSpace(s.Name) != s.Name || hasControl(s.Name),
		"account name %q: want 1 to %d characters, no control characters, no space at the ends", s.Name, maxAccountName)
	fault(s.Email != "" && !strings.Contains(s.Email, "@"), "account email %q: want an address", s.Email)
	fault(s.ID != "" && !accountIDForm.MatchString(s.ID), "account id %q: want 12 digits", s.ID)
	if s.Admin != "" {
		faults = append(faults, CheckUserName(s.Admin))
	}
	fault(s.AdminKey && s.Admin == "", "access key for an administrator who has no name")
	fault(len(s.Zones) < 1 || len(s.Zones) > maxZones, "%d availability zones: want 1 to %d", len(s.Zones), maxZones)
	return errors.Join(faults...)
}

// CheckUserName refuses what cannot be an IAM user's name.
func CheckUserName(name string) error {
	switch {
	case !userNameForm.MatchString(name):
		return fmt.Errorf("user name %q: want 1 to 64 of letters, digits and _+=,.@-", name)
	case strings.EqualFold(name, RootUser):
		return fmt.Errorf("user name %q: it is the root user's", name)
	}
	return nil
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == utf8.RuneError })
}

// newAccountID is 12 random digits, the first not zero: tools that read account ids as numbers lose leading zeros.
func newAccountID() string {
	var b [8]byte
	rand.Read(b[:])
	const lowest = 100_000_000_000
	return fmt.Sprint(lowest + binary.BigEndian.Uint64(b[:])%(9*lowest))
}

// NewUserID is AWS's unique id of a user: AIDA and 17 characters.
func NewUserID() string {
	var b [11]byte
	rand.Read(b[:])
	return "AIDA" + base32.StdEncoding.EncodeToString(b[:])[:17]
}

// newID is a resource id: the prefix, a dash and 17 hex digits, the first zero as in AWS's.
func newID(prefix string) string {
	var b [8]byte
	rand.Read(b[:])
	return prefix + "-0" + hex.EncodeToString(b[:])
}
