// SPDX-License-Identifier: Apache-2.0

package tenant

import (
	"bytes"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/seal"
)

func zones(n int) []state.Zone {
	var out []state.Zone
	for i := range n {
		out = append(out, state.Zone{Name: fmt.Sprintf("ap-southeast-2%c", 'a'+i), ID: fmt.Sprintf("apse2-az%d", i+1), State: "available"})
	}
	return out
}

func spec() Spec {
	return Spec{Name: "acme", Email: "ops@example.com", Admin: "alice", AdminKey: true, RootKey: true, Zones: zones(3), Now: 42}
}

func mustNew(t *testing.T, s Spec, r *seal.Ring) *Tenant {
	t.Helper()
	made, err := New(s, r)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestNew_MakesUsersAndKeysThatOpen(t *testing.T) {
	t.Parallel()
	ring := seal.Generate()
	made := mustNew(t, spec(), ring)
	cmd := made.Command
	if !accountIDForm.MatchString(cmd.Account.ID) || cmd.Account.ID[0] == '0' || cmd.Account.Status != state.AccountActive || cmd.Account.Created != 42 {
		t.Errorf("account %+v", cmd.Account)
	}
	root, admin := cmd.Users[0], cmd.Users[1]
	if !root.Root || root.ID != cmd.Account.ID || root.ARN() != "arn:aws:iam::"+cmd.Account.ID+":root" {
		t.Errorf("root user %+v", root)
	}
	if admin.Root || !admin.Admin || !regexp.MustCompile(`^AIDA[A-Z2-7]{17}$`).MatchString(admin.ID) || admin.ARN() != "arn:aws:iam::"+cmd.Account.ID+":user/alice" {
		t.Errorf("admin %+v", admin)
	}
	for i, want := range []*seal.AccessKey{made.RootKey, made.AdminKey} {
		row := cmd.Keys[i]
		got, err := ring.Open(row.AccountID, row.ID, row.KeyVersion, row.Secret)
		if err != nil || !got.Equal(want.Secret) || row.ID != want.ID || row.Status != state.KeyActive || row.UserName != cmd.Users[i].Name {
			t.Errorf("key %d: row %s of %s, %v", i, row.ID, row.UserName, err)
		}
	}
}

func TestNew_CommandHoldsNoSecret(t *testing.T) {
	t.Parallel()
	made := mustNew(t, spec(), seal.Generate())
	b, err := command.Encode(command.Envelope{Command: made.Command})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []*seal.AccessKey{made.RootKey, made.AdminKey} {
		if bytes.Contains(b, []byte(key.Secret.Reveal())) {
			t.Errorf("the command for the log holds the secret of %s", key.ID)
		}
	}
}

func TestNew_BareAccountHasNoKeys(t *testing.T) {
	t.Parallel()
	made := mustNew(t, Spec{Name: "amazon", System: true, ID: "000000000001", Zones: zones(1)}, seal.Generate())
	if made.RootKey != nil || made.AdminKey != nil || len(made.Command.Keys) != 0 || len(made.Command.Users) != 1 {
		t.Errorf("%+v", made.Command)
	}
	if a := made.Command.Account; !a.System || a.ID != "000000000001" {
		t.Errorf("account %+v", a)
	}
}

func TestDefaultVPC_IsAsAWSMakesIt(t *testing.T) {
	t.Parallel()
	cmd := mustNew(t, Spec{Name: "acme", Zones: zones(maxZones)}, seal.Generate()).Command
	vpc := cmd.VPC
	if vpc.CIDR != "172.31.0.0/16" || !vpc.Default || !vpc.DNSSupport || !vpc.DNSHostnames || vpc.AddressMetrics || cmd.Account.DefaultVPC != vpc.ID {
		t.Errorf("vpc %+v", vpc)
	}
	whole := netip.MustParsePrefix(vpc.CIDR)
	for i, s := range cmd.Subnets {
		p := netip.MustParsePrefix(s.CIDR)
		if p.Bits() != 20 || p.Masked() != p || !whole.Contains(p.Addr()) || !s.DefaultForAZ || !s.MapPublicIP || s.VPCID != vpc.ID {
			t.Errorf("subnet %+v", s)
		}
		for _, o := range cmd.Subnets[:i] {
			if p.Overlaps(netip.MustParsePrefix(o.CIDR)) || o.Zone == s.Zone || o.ID == s.ID {
				t.Errorf("subnets %s and %s collide", o.CIDR, s.CIDR)
			}
		}
	}
	g := cmd.Group
	if g.Name != "default" || g.Description != "default VPC security group" || g.VPCID != vpc.ID || len(g.Rules) != 2 {
		t.Fatalf("group %+v", g)
	}
	if in, out := g.Rules[0], g.Rules[1]; in.Egress || in.GroupID != g.ID || !out.Egress || out.CIDR != "0.0.0.0/0" || in.ID == out.ID {
		t.Errorf("rules %+v", g.Rules)
	}
	form := regexp.MustCompile(`^[a-z-]+-0[0-9a-f]{16}$`)
	for _, id := range []string{vpc.ID, vpc.AssociationID, vpc.DHCPOptionsID, cmd.Subnets[0].ID, g.ID, g.Rules[0].ID} {
		if !form.MatchString(id) {
			t.Errorf("id %s", id)
		}
	}
}

func TestNew_RefusesBadSpecsWithEveryFault(t *testing.T) {
	t.Parallel()
	_, err := New(Spec{Name: " x", Email: "nobody", ID: "12", Admin: "Root"}, seal.Generate())
	for _, want := range []string{"account name", "email", "account id", "root user's", "availability zones"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in %v", want, err)
		}
	}
	for name, change := range map[string]func(*Spec){
		"no name":          func(s *Spec) { s.Name = "" },
		"long name":        func(s *Spec) { s.Name = strings.Repeat("é", 51) },
		"newline":          func(s *Spec) { s.Name = "a\nb" },
		"user with slash":  func(s *Spec) { s.Admin = "a/b" },
		"key without user": func(s *Spec) { s.Admin = "" },
		"no zones":         func(s *Spec) { s.Zones = nil },
		"too many zones":   func(s *Spec) { s.Zones = zones(17) },
	} {
		s := spec()
		change(&s)
		if _, err := New(s, seal.Generate()); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
