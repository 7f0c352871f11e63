// SPDX-License-Identifier: Apache-2.0

package ids

import (
	"errors"
	"strings"
	"testing"

	"github.com/hivecloud/hive/apigw/awserr"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	cases := []struct {
		family Family
		id     string
		code   string
	}{
		{Instance, "i-0123456789abcdef0", ""},
		{Instance, "i-01234567", ""},
		{Instance, "i-0123456789ABCDEF0", "InvalidInstanceID.Malformed"},
		{Instance, "i-0123456789abcdef", "InvalidInstanceID.Malformed"},
		{Instance, "i-0123456789abcdefg", "InvalidInstanceID.Malformed"},
		{Instance, "i-", "InvalidInstanceID.Malformed"},
		{Instance, "", "InvalidInstanceID.Malformed"},
		{Instance, "vol-0123456789abcdef0", "InvalidInstanceID.Malformed"},
		{Instance, strings.Repeat("i", 5000), "InvalidInstanceID.Malformed"},
		{Image, "ami-x", "InvalidAMIID.Malformed"},
		{Volume, "vol-x", "InvalidVolumeID.Malformed"},
		{Snapshot, "snap-x", "InvalidSnapshotID.Malformed"},
		{SecurityGroup, "sg-x", "InvalidGroupId.Malformed"},
		{Subnet, "subnet-x", "InvalidSubnetID.Malformed"},
		{KeyPair, "key-x", "InvalidKeyPair.NotFound"},
	}
	for _, c := range cases {
		err := c.family.Check(c.id)
		var e *awserr.Error
		if errors.As(err, &e); err == nil != (c.code == "") || e != nil && (e.Code != c.code || e.Status != 400 || len(e.Message) > 400) {
			t.Errorf("%s %.40q: got %v, want %s", c.family.Prefix, c.id, err, c.code)
		}
	}
	if err := Instance.Check("i-01234567", "i-x"); err == nil {
		t.Error("the second id was not checked")
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	if got, want := Instance.Missing("i-1").Error(), "InvalidInstanceID.NotFound: The instance ID 'i-1' does not exist"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := Instance.Missing("i-1", "i-2").Error(), "InvalidInstanceID.NotFound: The instance IDs 'i-1, i-2' do not exist"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		id := Volume.New()
		if err := Volume.Check(id); err != nil || len(id) != len("vol-")+17 || seen[id] {
			t.Fatalf("made %q: %v", id, err)
		}
		seen[id] = true
	}
}
