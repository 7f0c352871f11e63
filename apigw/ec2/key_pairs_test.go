// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"bytes"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"golang.org/x/crypto/ssh"

	"github.com/hivecloud/hive/fsm/state"
)

func keyTags(pairs ...string) []types.TagSpecification {
	spec := types.TagSpecification{ResourceType: types.ResourceTypeKeyPair}
	for i := 0; i < len(pairs); i += 2 {
		spec.Tags = append(spec.Tags, types.Tag{Key: aws.String(pairs[i]), Value: aws.String(pairs[i+1])})
	}
	return []types.TagSpecification{spec}
}

func filterOf(name string, values ...string) []types.Filter {
	return []types.Filter{{Name: aws.String(name), Values: values}}
}

func TestCreateKeyPair_PrivateKeyFitsAndIsNowhereElse(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	for _, c := range []struct {
		name   string
		kind   types.KeyType
		format types.KeyFormat
		begins string
	}{
		{"default", "", "", "-----BEGIN RSA PRIVATE KEY-----"},
		{"ed", types.KeyTypeEd25519, types.KeyFormatPem, "-----BEGIN OPENSSH PRIVATE KEY-----"},
		{"putty", types.KeyTypeRsa, types.KeyFormatPpk, "PuTTY-User-Key-File-2: ssh-rsa\n"},
		{"putty ed", types.KeyTypeEd25519, types.KeyFormatPpk, "PuTTY-User-Key-File-2: ssh-ed25519\n"},
	} {
		out := do(w, alice, w.svc.CreateKeyPair, &sdk.CreateKeyPairInput{KeyName: aws.String(c.name), KeyType: c.kind, KeyFormat: c.format, TagSpecifications: keyTags("k", c.name)})
		if !strings.HasPrefix(*out.KeyMaterial, c.begins) || !strings.HasPrefix(*out.KeyPairId, "key-") || *out.KeyName != c.name || len(out.Tags) != 1 {
			t.Errorf("%s: %.60q, id %s, tags %v", c.name, *out.KeyMaterial, *out.KeyPairId, out.Tags)
		}
		shown := do(w, alice, w.svc.DescribeKeyPairs, &sdk.DescribeKeyPairsInput{KeyPairIds: []string{*out.KeyPairId}, IncludePublicKey: aws.Bool(true)}).KeyPairs[0]
		if *shown.KeyFingerprint != *out.KeyFingerprint || *shown.KeyName != c.name || shown.CreateTime == nil || len(shown.Tags) != 1 {
			t.Errorf("%s: described as %+v", c.name, shown)
		}
		if c.format != types.KeyFormatPpk {
			signer, err := ssh.ParsePrivateKey([]byte(*out.KeyMaterial))
			if err != nil {
				t.Fatal(err)
			}
			if line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))) + " " + c.name; *shown.PublicKey != line {
				t.Errorf("%s: public key %s, want %s", c.name, *shown.PublicKey, line)
			}
		}
		assertNotInState(t, w, *out.KeyMaterial)
	}
}

// assertNotInState looks for the private half, raw and as text, in everything that is replicated.
func assertNotInState(t *testing.T, w *resourceWorld, material string) {
	t.Helper()
	var all bytes.Buffer
	if err := w.region.FSM.Snapshot().Persist(&all); err != nil {
		t.Fatal(err)
	}
	var secrets [][]byte
	if block, _ := pem.Decode([]byte(material)); block != nil {
		secrets = append(secrets, block.Bytes[len(block.Bytes)-64:])
	}
	lines := strings.Split(material, "\n")
	secrets = append(secrets, []byte(lines[len(lines)-2]))
	for _, s := range secrets {
		if bytes.Contains(all.Bytes(), s) {
			t.Errorf("the state holds private key material")
		}
	}
}

func TestCreateKeyPair_Refusals(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	do(w, alice, w.svc.CreateKeyPair, &sdk.CreateKeyPairInput{KeyName: aws.String("taken"), KeyType: types.KeyTypeEd25519})
	for _, c := range []struct {
		in   sdk.CreateKeyPairInput
		code string
	}{
		{sdk.CreateKeyPairInput{}, "MissingParameter"},
		{sdk.CreateKeyPairInput{KeyName: aws.String("taken")}, "InvalidKeyPair.Duplicate"},
		{sdk.CreateKeyPairInput{KeyName: aws.String("x"), KeyType: "dsa"}, "InvalidParameterValue"},
		{sdk.CreateKeyPairInput{KeyName: aws.String("x"), KeyFormat: "der"}, "InvalidParameterValue"},
		{sdk.CreateKeyPairInput{KeyName: aws.String(strings.Repeat("x", 256))}, "InvalidParameterValue"},
		{sdk.CreateKeyPairInput{KeyName: aws.String("two\nlines")}, "InvalidParameterValue"},
		{sdk.CreateKeyPairInput{KeyName: aws.String("schlüssel")}, "InvalidParameterValue"},
		{sdk.CreateKeyPairInput{KeyName: aws.String(" x")}, "InvalidParameterValue"},
		{sdk.CreateKeyPairInput{KeyName: aws.String("x"), TagSpecifications: []types.TagSpecification{{ResourceType: "volume", Tags: []types.Tag{{Key: aws.String("a")}}}}}, "InvalidParameterValue"},
	} {
		refused(w, alice, c.code, w.svc.CreateKeyPair, &c.in)
	}
	if _, err := w.svc.CreateKeyPair(w.ctx(alice, "CreateKeyPair", dryRun), &sdk.CreateKeyPairInput{KeyName: aws.String("dry")}); err == nil || !strings.Contains(err.Error(), "DryRunOperation") {
		t.Errorf("dry run: %v", err)
	}
	if got := do(w, alice, w.svc.DescribeKeyPairs, &sdk.DescribeKeyPairsInput{}).KeyPairs; len(got) != 1 {
		t.Errorf("%d pairs are left after refusals", len(got))
	}
	// The name is free in another account.
	do(w, bob, w.svc.CreateKeyPair, &sdk.CreateKeyPairInput{KeyName: aws.String("taken"), KeyType: types.KeyTypeEd25519})
}

const importedLine = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJRi0Q1ZcdLxWBLUpTMnK1eP0hzOnZ3T4JXz0dF1Y0Nf me@example.com"

func TestImportKeyPair(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	out := do(w, alice, w.svc.ImportKeyPair, &sdk.ImportKeyPairInput{KeyName: aws.String("mine"), PublicKeyMaterial: []byte(importedLine + "\n"), TagSpecifications: keyTags("a", "b")})
	shown := do(w, alice, w.svc.DescribeKeyPairs, &sdk.DescribeKeyPairsInput{KeyNames: []string{"mine"}, IncludePublicKey: aws.Bool(true)}).KeyPairs[0]
	if *shown.KeyPairId != *out.KeyPairId || shown.KeyType != types.KeyTypeEd25519 || *shown.KeyFingerprint != *out.KeyFingerprint || *shown.Tags[0].Key != "a" {
		t.Errorf("%+v", shown)
	}
	if want := strings.Replace(importedLine, "me@example.com", "mine", 1); *shown.PublicKey != want {
		t.Errorf("public key %s, want %s", *shown.PublicKey, want)
	}
	if msg := refused(w, alice, "InvalidKeyPair.Duplicate", w.svc.ImportKeyPair, &sdk.ImportKeyPairInput{KeyName: aws.String("mine"), PublicKeyMaterial: []byte(importedLine)}); msg != "The keypair already exists" {
		t.Error(msg)
	}
	if msg := refused(w, alice, "InvalidKey.Format", w.svc.ImportKeyPair, &sdk.ImportKeyPairInput{KeyName: aws.String("x"), PublicKeyMaterial: []byte("not a key")}); msg != "Key is not in valid OpenSSH public key format" {
		t.Error(msg)
	}
	refused(w, alice, "MissingParameter", w.svc.ImportKeyPair, &sdk.ImportKeyPairInput{KeyName: aws.String("x")})
	refused(w, alice, "MissingParameter", w.svc.ImportKeyPair, &sdk.ImportKeyPairInput{PublicKeyMaterial: []byte(importedLine)})
}

func TestDescribeKeyPairs_FiltersAndNames(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	made := map[string]*sdk.CreateKeyPairOutput{}
	for _, name := range []string{"red", "green"} {
		made[name] = do(w, alice, w.svc.CreateKeyPair, &sdk.CreateKeyPairInput{KeyName: aws.String(name), KeyType: types.KeyTypeEd25519, TagSpecifications: keyTags("colour", name)})
	}
	for name, f := range map[string][]types.Filter{
		"key-name": filterOf("key-name", "r?d"), "key-pair-id": filterOf("key-pair-id", *made["red"].KeyPairId),
		"fingerprint": filterOf("fingerprint", *made["red"].KeyFingerprint), "tag": filterOf("tag:colour", "red"),
		"and": append(filterOf("tag-key", "colour"), filterOf("key-name", "red", "blue")...),
	} {
		got := do(w, alice, w.svc.DescribeKeyPairs, &sdk.DescribeKeyPairsInput{Filters: f}).KeyPairs
		if len(got) != 1 || *got[0].KeyName != "red" || got[0].PublicKey != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := do(w, alice, w.svc.DescribeKeyPairs, &sdk.DescribeKeyPairsInput{Filters: filterOf("key-name", "none")}).KeyPairs; got == nil || len(got) != 0 {
		t.Errorf("no match: %v", got)
	}
	if got := do(w, alice, w.svc.DescribeKeyPairs, &sdk.DescribeKeyPairsInput{KeyNames: []string{"red", "red"}, KeyPairIds: []string{*made["red"].KeyPairId}}).KeyPairs; len(got) != 1 {
		t.Errorf("named three times: %v", got)
	}
	if msg := refused(w, alice, "InvalidKeyPair.NotFound", w.svc.DescribeKeyPairs, &sdk.DescribeKeyPairsInput{KeyNames: []string{"none"}}); msg != "The key pair 'none' does not exist" {
		t.Error(msg)
	}
	refused(w, alice, "InvalidKeyPair.NotFound", w.svc.DescribeKeyPairs, &sdk.DescribeKeyPairsInput{KeyPairIds: []string{"key-0123456789abcdef0"}})
	refused(w, alice, "InvalidParameterValue", w.svc.DescribeKeyPairs, &sdk.DescribeKeyPairsInput{Filters: filterOf("colour", "red")})
	refused(w, bob, "InvalidKeyPair.NotFound", w.svc.DescribeKeyPairs, &sdk.DescribeKeyPairsInput{KeyNames: []string{"red"}})
	refused(w, bob, "InvalidKeyPair.NotFound", w.svc.DescribeKeyPairs, &sdk.DescribeKeyPairsInput{KeyPairIds: []string{*made["red"].KeyPairId}})
	if got := do(w, bob, w.svc.DescribeKeyPairs, &sdk.DescribeKeyPairsInput{}).KeyPairs; len(got) != 0 {
		t.Errorf("another account sees %v", got)
	}
}

func TestDeleteKeyPair_IsIdempotentAndOwn(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	a := do(w, alice, w.svc.CreateKeyPair, &sdk.CreateKeyPairInput{KeyName: aws.String("a"), KeyType: types.KeyTypeEd25519, TagSpecifications: keyTags("k", "v")})
	for _, in := range []sdk.DeleteKeyPairInput{{KeyName: aws.String("a")}, {KeyPairId: a.KeyPairId}} {
		if out := do(w, bob, w.svc.DeleteKeyPair, &in); !*out.Return || out.KeyPairId != nil {
			t.Errorf("another account deleted %v", out.KeyPairId)
		}
	}
	if out := do(w, alice, w.svc.DeleteKeyPair, &sdk.DeleteKeyPairInput{KeyName: aws.String("a")}); !*out.Return || *out.KeyPairId != *a.KeyPairId {
		t.Errorf("%+v", out)
	}
	if out := do(w, alice, w.svc.DeleteKeyPair, &sdk.DeleteKeyPairInput{KeyName: aws.String("a")}); !*out.Return || out.KeyPairId != nil {
		t.Errorf("second delete: %+v", out)
	}
	if tags := w.region.FSM.View().TagsOf(alice, *a.KeyPairId); len(tags) != 0 {
		t.Errorf("tags are left: %v", tags)
	}
	b := do(w, alice, w.svc.CreateKeyPair, &sdk.CreateKeyPairInput{KeyName: aws.String("b"), KeyType: types.KeyTypeEd25519})
	do(w, alice, w.svc.DeleteKeyPair, &sdk.DeleteKeyPairInput{KeyPairId: b.KeyPairId})
	if _, ok := state.KeyPairs.Get(w.region.FSM.View(), alice, *b.KeyPairId); ok {
		t.Error("delete by id left the pair")
	}
	refused(w, alice, "MissingParameter", w.svc.DeleteKeyPair, &sdk.DeleteKeyPairInput{})
	refused(w, alice, "InvalidParameterCombination", w.svc.DeleteKeyPair, &sdk.DeleteKeyPairInput{KeyName: aws.String("a"), KeyPairId: a.KeyPairId})
}
