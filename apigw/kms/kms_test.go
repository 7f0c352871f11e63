// SPDX-License-Identifier: Apache-2.0

package kms

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/authz"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/page"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/seal"
)

const (
	alice = "111111111111"
	bob   = "222222222222"
)

type world struct {
	*Service
	region *fsmtest.Region
	authz  *authz.Authorizer
	tokens *page.Tokens
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{region: fsmtest.NewRegion(t)}
	w.region.AddAccount(t, alice)
	w.region.AddAccount(t, bob)
	policies, err := authz.NewStatePolicies(w.region)
	if err == nil {
		w.authz, err = authz.New(authz.Config{Policies: policies})
	}
	if err == nil {
		w.tokens, err = page.NewTokens([]byte("0123456789abcdef"))
	}
	if err == nil {
		w.Service, err = New(Config{Region: w.region, Sealer: seal.Generate(), Name: fsmtest.Name})
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// as is the context of a call by the admin of an account.
func (w *world) as(t *testing.T, account, action string) context.Context {
	t.Helper()
	call := &apigw.Call{Account: account, Service: "kms", Action: action, Region: fsmtest.Name, Time: time.Now(),
		Principal: apigw.Principal{AccountID: account, UserName: "admin", ARN: "arn:aws:iam::" + account + ":user/admin", UserID: "AIDA", Type: apigw.PrincipalUser}}
	return apigw.WithCall(t.Context(), call, apigw.CallConfig{Authorizer: w.authz, Tokens: w.tokens})
}

func (w *world) key(t *testing.T, account string, change func(*sdk.CreateKeyInput)) *types.KeyMetadata {
	t.Helper()
	in := &sdk.CreateKeyInput{}
	if change != nil {
		change(in)
	}
	out, err := w.CreateKey(w.as(t, account, "CreateKey"), in)
	if err != nil {
		t.Fatal(err)
	}
	return out.KeyMetadata
}

func codeOf(err error) string {
	var a *awserr.Error
	var c *command.Error
	switch {
	case errors.As(err, &a):
		return a.Code
	case errors.As(err, &c):
		return c.Code
	case err != nil:
		return err.Error()
	}
	return ""
}

func want(t *testing.T, what string, err error, code string) {
	t.Helper()
	if codeOf(err) != code {
		t.Errorf("%s: got %v, want %q", what, err, code)
	}
}

func TestEncryptAndDecrypt_ThroughRotation_WithContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.key(t, alice, nil)
	about := map[string]string{"volume": "vol-1", "a": ""}
	secret := []byte("canary secret")
	encrypt := func() []byte {
		out, err := w.Encrypt(w.as(t, alice, "Encrypt"), &sdk.EncryptInput{KeyId: k.KeyId, Plaintext: secret, EncryptionContext: about})
		if err != nil {
			t.Fatal(err)
		}
		return out.CiphertextBlob
	}
	first := encrypt()
	if _, err := w.RotateKeyOnDemand(w.as(t, alice, "RotateKeyOnDemand"), &sdk.RotateKeyOnDemandInput{KeyId: k.KeyId}); err != nil {
		t.Fatal(err)
	}
	second := encrypt()
	if h, _ := parseBlob(second); h.version != 2 || bytes.Contains(second, secret) {
		t.Errorf("version %d", h.version)
	}
	for _, blob := range [][]byte{first, second} {
		out, err := w.Decrypt(w.as(t, alice, "Decrypt"), &sdk.DecryptInput{CiphertextBlob: blob, EncryptionContext: about})
		if err != nil || !bytes.Equal(out.Plaintext, secret) || *out.KeyId != *k.Arn {
			t.Errorf("decrypt: %v, %v", out, err)
		}
		_, err = w.Decrypt(w.as(t, alice, "Decrypt"), &sdk.DecryptInput{CiphertextBlob: blob})
		want(t, "without context", err, "InvalidCiphertextException")
		_, err = w.Decrypt(w.as(t, bob, "Decrypt"), &sdk.DecryptInput{CiphertextBlob: blob, EncryptionContext: about})
		want(t, "another account", err, "AccessDenied")
		for i := range blob {
			bad := bytes.Clone(blob)
			bad[i] ^= 1
			if _, err := w.Decrypt(w.as(t, alice, "Decrypt"), &sdk.DecryptInput{CiphertextBlob: bad, EncryptionContext: about}); err == nil {
				t.Fatalf("byte %d flipped and it opened", i)
			}
		}
	}
	other := w.key(t, alice, nil)
	_, err := w.Decrypt(w.as(t, alice, "Decrypt"), &sdk.DecryptInput{CiphertextBlob: first, KeyId: other.KeyId, EncryptionContext: about})
	want(t, "another key", err, "IncorrectKeyException")
	moved, err := w.ReEncrypt(w.as(t, alice, "ReEncrypt"), &sdk.ReEncryptInput{CiphertextBlob: first, SourceEncryptionContext: about, DestinationKeyId: other.Arn})
	if err != nil {
		t.Fatal(err)
	}
	out, err := w.Decrypt(w.as(t, alice, "Decrypt"), &sdk.DecryptInput{CiphertextBlob: moved.CiphertextBlob, KeyId: other.KeyId})
	if err != nil || !bytes.Equal(out.Plaintext, secret) {
		t.Errorf("after ReEncrypt: %v", err)
	}
}

func TestDataKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for spec, n := range map[types.DataKeySpec]int{"AES_256": 32, "AES_128": 16} {
		out, err := w.GenerateDataKey(w.as(t, alice, "GenerateDataKey"), &sdk.GenerateDataKeyInput{KeyId: aws.String("alias/aws/ebs"), KeySpec: spec})
		if err != nil || len(out.Plaintext) != n {
			t.Fatalf("%s: %v", spec, err)
		}
		back, err := w.Decrypt(w.as(t, alice, "Decrypt"), &sdk.DecryptInput{CiphertextBlob: out.CiphertextBlob})
		if err != nil || !bytes.Equal(back.Plaintext, out.Plaintext) {
			t.Errorf("%s: %v", spec, err)
		}
	}
	if n := len(slicesOf(w)); n != 1 {
		t.Errorf("%d default keys", n)
	}
	_, err := w.GenerateDataKey(w.as(t, alice, "GenerateDataKey"), &sdk.GenerateDataKeyInput{KeyId: aws.String("alias/aws/ebs")})
	want(t, "no length", err, "ValidationException")
	_, err = w.DeleteAlias(w.as(t, alice, "DeleteAlias"), &sdk.DeleteAliasInput{AliasName: aws.String("alias/aws/ebs")})
	want(t, "AWS's alias", err, "NotAuthorizedException")
	_, err = w.DisableKey(w.as(t, alice, "DisableKey"), &sdk.DisableKeyInput{KeyId: aws.String("alias/aws/ebs")})
	want(t, "AWS's key", err, "AccessDenied")
}

func slicesOf(w *world) (out []*state.KMSKey) {
	for k := range state.KMSKeys.All(w.region.Local()) {
		out = append(out, k)
	}
	return out
}

func TestStates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.key(t, alice, nil)
	encrypt := func() error {
		_, err := w.Encrypt(w.as(t, alice, "Encrypt"), &sdk.EncryptInput{KeyId: k.KeyId, Plaintext: []byte("x")})
		return err
	}
	run := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := w.DisableKey(w.as(t, alice, "DisableKey"), &sdk.DisableKeyInput{KeyId: k.KeyId})
	run(err)
	want(t, "disabled", encrypt(), "DisabledException")
	_, err = w.EnableKey(w.as(t, alice, "EnableKey"), &sdk.EnableKeyInput{KeyId: k.KeyId})
	run(err)
	want(t, "enabled", encrypt(), "")
	_, err = w.ScheduleKeyDeletion(w.as(t, alice, "ScheduleKeyDeletion"), &sdk.ScheduleKeyDeletionInput{KeyId: k.KeyId, PendingWindowInDays: aws.Int32(6)})
	want(t, "six days", err, "ValidationException")
	_, err = w.CreateAlias(w.as(t, alice, "CreateAlias"), &sdk.CreateAliasInput{AliasName: aws.String("alias/x"), TargetKeyId: k.KeyId})
	run(err)
	out, err := w.ScheduleKeyDeletion(w.as(t, alice, "ScheduleKeyDeletion"), &sdk.ScheduleKeyDeletionInput{KeyId: k.KeyId, PendingWindowInDays: aws.Int32(7)})
	run(err)
	if out.KeyState != types.KeyStatePendingDeletion || out.DeletionDate == nil {
		t.Errorf("scheduled: %+v", out)
	}
	want(t, "pending", encrypt(), "KMSInvalidStateException")
	_, err = w.CancelKeyDeletion(w.as(t, alice, "CancelKeyDeletion"), &sdk.CancelKeyDeletionInput{KeyId: k.KeyId})
	run(err)
	want(t, "cancelled", encrypt(), "DisabledException")
	_, err = w.ScheduleKeyDeletion(w.as(t, alice, "ScheduleKeyDeletion"), &sdk.ScheduleKeyDeletionInput{KeyId: k.KeyId, PendingWindowInDays: aws.Int32(7)})
	run(err)
	w.region.Advance(6 * 24 * time.Hour)
	run(w.region.Propose(t.Context(), command.Tick{}, nil))
	want(t, "a day before", encrypt(), "KMSInvalidStateException")
	w.region.Advance(2 * 24 * time.Hour)
	run(w.region.Propose(t.Context(), command.Tick{}, nil))
	want(t, "after it", encrypt(), "NotFoundException")
	_, err = w.DescribeKey(w.as(t, alice, "DescribeKey"), &sdk.DescribeKeyInput{KeyId: aws.String("alias/x")})
	want(t, "its alias", err, "NotFoundException")
}

func TestAliases(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k, other := w.key(t, alice, nil), w.key(t, alice, nil)
	set := func(account, name string, target *string) error {
		_, err := w.CreateAlias(w.as(t, account, "CreateAlias"), &sdk.CreateAliasInput{AliasName: &name, TargetKeyId: target})
		return err
	}
	want(t, "create", set(alice, "alias/one", k.KeyId), "")
	want(t, "again", set(alice, "alias/one", k.KeyId), "AlreadyExistsException")
	want(t, "AWS's", set(alice, "alias/aws/x", k.KeyId), "NotAuthorizedException")
	want(t, "no prefix", set(alice, "one", k.KeyId), "ValidationException")
	want(t, "bad characters", set(alice, "alias/ä", k.KeyId), "InvalidAliasNameException")
	want(t, "another's key", set(bob, "alias/one", k.KeyId), "NotFoundException")
	want(t, "the same name elsewhere", set(bob, "alias/one", w.key(t, bob, nil).KeyId), "")
	if _, err := w.UpdateAlias(w.as(t, alice, "UpdateAlias"), &sdk.UpdateAliasInput{AliasName: aws.String("alias/one"), TargetKeyId: other.Arn}); err != nil {
		t.Fatal(err)
	}
	got, err := w.DescribeKey(w.as(t, alice, "DescribeKey"), &sdk.DescribeKeyInput{KeyId: aws.String("arn:aws:kms:" + fsmtest.Name + ":" + alice + ":alias/one")})
	if err != nil || *got.KeyMetadata.KeyId != *other.KeyId {
		t.Errorf("alias names %v, %v", got, err)
	}
	list, err := w.ListAliases(w.as(t, alice, "ListAliases"), &sdk.ListAliasesInput{Limit: aws.Int32(2)})
	if err != nil || len(list.Aliases) != 2 || !list.Truncated {
		t.Fatalf("first page %+v, %v", list, err)
	}
	list, err = w.ListAliases(w.as(t, alice, "ListAliases"), &sdk.ListAliasesInput{Marker: list.NextMarker})
	if err != nil || len(list.Aliases) != 1 || *list.Aliases[0].AliasName != "alias/one" || list.Truncated {
		t.Errorf("second page %+v, %v", list, err)
	}
}

func TestKeyPolicy_DecidesWithinTheAccount_AndSharesWithOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.key(t, alice, nil)
	put := func(statements string, bypass bool) error {
		_, err := w.PutKeyPolicy(w.as(t, alice, "PutKeyPolicy"), &sdk.PutKeyPolicyInput{KeyId: k.KeyId, BypassPolicyLockoutSafetyCheck: bypass,
			Policy: aws.String(`{"Version":"2012-10-17","Statement":[` + statements + `]}`)})
		return err
	}
	root := `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + alice + `:root"},"Action":"kms:*","Resource":"*"}`
	share := `,{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + bob + `:root"},"Action":"kms:Encrypt","Resource":"*"}`
	admin := `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + alice + `:user/other"},"Action":"kms:*","Resource":"*"}`
	encrypt := func(account string) error {
		_, err := w.Encrypt(w.as(t, account, "Encrypt"), &sdk.EncryptInput{KeyId: k.Arn, Plaintext: []byte("x")})
		return err
	}
	want(t, "bob before", encrypt(bob), "AccessDenied")
	want(t, "share", put(root+share, false), "")
	want(t, "bob after", encrypt(bob), "")
	want(t, "no JSON", put(`{`, false), "MalformedPolicyDocumentException")
	want(t, "lockout", put(admin, false), "MalformedPolicyDocumentException")
	want(t, "lockout on purpose", put(admin, true), "")
	want(t, "alice, locked out", encrypt(alice), "AccessDenied")
}

// By whatever name a stranger asks for a key, the answer is that for a key that is not there. An alias used to tell its key's id, and
// Decrypt that there is such a key.
func TestStrangers_LearnNothingOfKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := *w.key(t, alice, nil).KeyId
	if _, err := w.CreateAlias(w.as(t, alice, "CreateAlias"), &sdk.CreateAliasInput{AliasName: aws.String("alias/payroll"), TargetKeyId: &id}); err != nil {
		t.Fatal(err)
	}
	own, err := w.Encrypt(w.as(t, bob, "Encrypt"), &sdk.EncryptInput{KeyId: w.key(t, bob, nil).KeyId, Plaintext: []byte("p")})
	if err != nil {
		t.Fatal(err)
	}
	for there, absent := range map[string]string{w.keyARN(alice, id): w.keyARN(alice, "01234567-89ab-4cde-8f01-23456789abcd"), w.aliasARN(alice, "alias/payroll"): w.aliasARN(alice, "alias/payrise")} {
		for action, ask := range map[string]func(ctx context.Context, name string) error{
			"DescribeKey": func(ctx context.Context, name string) error {
				_, err := w.DescribeKey(ctx, &sdk.DescribeKeyInput{KeyId: &name})
				return err
			},
			"Encrypt": func(ctx context.Context, name string) error {
				_, err := w.Encrypt(ctx, &sdk.EncryptInput{KeyId: &name, Plaintext: []byte("p")})
				return err
			},
			"Decrypt": func(ctx context.Context, name string) error {
				_, err := w.Decrypt(ctx, &sdk.DecryptInput{KeyId: &name, CiphertextBlob: own.CiphertextBlob})
				return err
			},
			"ReEncrypt": func(ctx context.Context, name string) error {
				_, err := w.ReEncrypt(ctx, &sdk.ReEncryptInput{DestinationKeyId: &name, CiphertextBlob: own.CiphertextBlob})
				return err
			},
			"ScheduleKeyDeletion": func(ctx context.Context, name string) error {
				_, err := w.ScheduleKeyDeletion(ctx, &sdk.ScheduleKeyDeletionInput{KeyId: &name})
				return err
			},
		} {
			got, want := ask(w.as(t, bob, action), there), ask(w.as(t, bob, action), absent)
			if codeOf(got) != "AccessDenied" || strings.ReplaceAll(got.Error(), there, "X") != strings.ReplaceAll(want.Error(), absent, "X") {
				t.Errorf("%s:\n%v\n%v", action, got, want)
			}
		}
	}
}

func TestYearlyRotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.key(t, alice, nil)
	if _, err := w.EnableKeyRotation(w.as(t, alice, "EnableKeyRotation"), &sdk.EnableKeyRotationInput{KeyId: k.KeyId, RotationPeriodInDays: aws.Int32(90)}); err != nil {
		t.Fatal(err)
	}
	status, err := w.GetKeyRotationStatus(w.as(t, alice, "GetKeyRotationStatus"), &sdk.GetKeyRotationStatusInput{KeyId: k.KeyId})
	if err != nil || !status.KeyRotationEnabled || *status.RotationPeriodInDays != 90 {
		t.Fatalf("status %+v, %v", status, err)
	}
	for _, step := range []struct {
		ahead time.Duration
		want  int
	}{{-time.Hour, 1}, {time.Hour, 2}, {2 * time.Hour, 2}} {
		now := status.NextRotationDate.Add(step.ahead)
		w.region.Advance(now.Sub(w.region.FSM.Now().Std()))
		if err := w.RotateDue(t.Context(), w.region.Local(), now); err != nil {
			t.Fatal(err)
		}
		if n := len(slicesOf(w)[0].Materials); n != step.want {
			t.Errorf("%s from it: %d versions, want %d", step.ahead, n, step.want)
		}
	}
}

func TestTags(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.key(t, alice, func(in *sdk.CreateKeyInput) {
		in.Tags = []types.Tag{{TagKey: aws.String("b"), TagValue: aws.String("1")}, {TagKey: aws.String("a"), TagValue: aws.String("2")}}
	})
	if _, err := w.TagResource(w.as(t, alice, "TagResource"), &sdk.TagResourceInput{KeyId: k.KeyId, Tags: []types.Tag{{TagKey: aws.String("c"), TagValue: aws.String("")}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.UntagResource(w.as(t, alice, "UntagResource"), &sdk.UntagResourceInput{KeyId: k.KeyId, TagKeys: []string{"b"}}); err != nil {
		t.Fatal(err)
	}
	out, err := w.ListResourceTags(w.as(t, alice, "ListResourceTags"), &sdk.ListResourceTagsInput{KeyId: k.KeyId})
	if err != nil || len(out.Tags) != 2 || *out.Tags[0].TagKey != "a" || *out.Tags[1].TagKey != "c" {
		t.Errorf("got %+v, %v", out, err)
	}
	_, err = w.TagResource(w.as(t, alice, "TagResource"), &sdk.TagResourceInput{KeyId: k.KeyId, Tags: []types.Tag{{TagKey: aws.String("aws:x"), TagValue: aws.String("")}}})
	want(t, "reserved", err, "TagException")
}

func TestMaterialIsNeverInTheClear(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.key(t, alice, nil)
	k := slicesOf(w)[0]
	plain, err := w.material(k, k.Newest())
	if err != nil || len(plain) != 32 {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := w.region.FSM.Snapshot().Persist(&b); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(b.Bytes(), plain) {
		t.Error("the snapshot holds key material in the clear")
	}
}

const goldenBlob = "c4010123456789abcdef0123456789abcdef00000003000102030405060708090a0b0c0d0e0f101112131415161718191a1bf0f0b83b142d8ab6a2ec3c6af966127a85a50e923c"

// The ciphertext of fixed input never changes: what was encrypted must open for ever.
func TestBlob_Golden(t *testing.T) {
	t.Parallel()
	material := bytes.Repeat([]byte{7}, 32)
	fixed := func(b []byte) {
		for i := range b {
			b[i] = byte(i)
		}
	}
	head := blobHead{"01234567-89ab-cdef-0123-456789abcdef", 3}
	about := map[string]string{"k": "v", "a": ""}
	blob, err := sealBlob(material, alice, head, about, []byte("plain"), fixed)
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(blob); got != goldenBlob {
		t.Errorf("got %s", got)
	}
	old, err := hex.DecodeString(goldenBlob)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := openBlob(material, alice, about, old); err != nil || string(plain) != "plain" {
		t.Errorf("golden ciphertext: %q, %v", plain, err)
	}
}

func FuzzBlob(f *testing.F) {
	good, _ := hex.DecodeString(goldenBlob)
	f.Add(good)
	f.Add([]byte{blobMagic, blobVersion})
	material := bytes.Repeat([]byte{7}, 32)
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseBlob(b)
		if err != nil {
			return
		}
		if len(h.keyID) != 36 || h.version < 1 {
			t.Errorf("head %+v", h)
		}
		if plain, err := openBlob(material, alice, map[string]string{"k": "v", "a": ""}, b); err == nil && !bytes.Equal(b, good) {
			t.Errorf("a forged ciphertext opens to %q", plain)
		}
	})
}
