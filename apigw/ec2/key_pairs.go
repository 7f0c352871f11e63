// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/ec2/sshkey"
	"github.com/hivecloud/hive/apigw/ids"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// maxKeyName is EC2's limit, in ASCII characters.
const maxKeyName = 255

var keyPairMembers = apigw.Members{
	"CreateKeyPair":    {"KeyName", "KeyType", "KeyFormat", "TagSpecifications.*"},
	"ImportKeyPair":    {"KeyName", "PublicKeyMaterial", "TagSpecifications.*"},
	"DeleteKeyPair":    {"KeyName", "KeyPairId"},
	"DescribeKeyPairs": {"KeyNames", "KeyPairIds", "IncludePublicKey", "Filters.*"},
}

// CreateKeyPair makes a key pair and answers with the private key, which is nowhere else: the log gets the public half.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateKeyPair.html
func (s *Service) CreateKeyPair(ctx context.Context, in *sdk.CreateKeyPairInput) (*sdk.CreateKeyPairOutput, error) {
	call := apigw.CallFrom(ctx)
	if err := firstError(checkKeyName(valueOf(in.KeyName)), checkEnum("KeyType", in.KeyType), checkEnum("KeyFormat", in.KeyFormat)); err != nil {
		return nil, err
	}
	name, keyType := *in.KeyName, sshkey.RSA
	if in.KeyType != "" {
		keyType = string(in.KeyType)
	}
	tags, err := tagsByType(in.TagSpecifications, types.ResourceTypeKeyPair)
	if err != nil {
		return nil, err
	}
	if err := s.newKeyName(ctx, call, name, tags[types.ResourceTypeKeyPair]); err != nil {
		return nil, err
	}
	pair, err := sshkey.Generate(keyType)
	if err != nil {
		return nil, err
	}
	material, err := privateKey(pair, in.KeyFormat, name)
	if err != nil {
		return nil, err
	}
	fingerprint, err := pair.CreatedFingerprint()
	if err != nil {
		return nil, err
	}
	row, list, err := s.storeKeyPair(ctx, call, &pair.Public, name, fingerprint, tags[types.ResourceTypeKeyPair])
	if err != nil {
		return nil, err
	}
	return &sdk.CreateKeyPairOutput{KeyName: aws.String(name), KeyPairId: aws.String(row.ID), KeyFingerprint: aws.String(fingerprint),
		KeyMaterial: aws.String(material), Tags: list}, nil
}

func privateKey(pair *sshkey.Pair, format types.KeyFormat, name string) (string, error) {
	if format == types.KeyFormatPpk {
		return pair.PPK(name)
	}
	return pair.PEM(name)
}

// ImportKeyPair stores a public key that the caller made.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ImportKeyPair.html
func (s *Service) ImportKeyPair(ctx context.Context, in *sdk.ImportKeyPairInput) (*sdk.ImportKeyPairOutput, error) {
	call := apigw.CallFrom(ctx)
	name := valueOf(in.KeyName)
	if err := checkKeyName(name); err != nil {
		return nil, err
	}
	if len(in.PublicKeyMaterial) == 0 {
		return nil, awserr.MissingParameter("PublicKeyMaterial")
	}
	tags, err := tagsByType(in.TagSpecifications, types.ResourceTypeKeyPair)
	if err != nil {
		return nil, err
	}
	public, err := sshkey.ParsePublic(in.PublicKeyMaterial)
	if err != nil {
		return nil, awserr.New("InvalidKey.Format", "Key is not in valid OpenSSH public key format")
	}
	fingerprint, err := public.ImportedFingerprint()
	if err != nil {
		return nil, err
	}
	if err := s.newKeyName(ctx, call, name, tags[types.ResourceTypeKeyPair]); err != nil {
		return nil, err
	}
	row, list, err := s.storeKeyPair(ctx, call, public, name, fingerprint, tags[types.ResourceTypeKeyPair])
	if err != nil {
		return nil, err
	}
	return &sdk.ImportKeyPairOutput{KeyName: aws.String(name), KeyPairId: aws.String(row.ID), KeyFingerprint: aws.String(fingerprint), Tags: list}, nil
}

// newKeyName authorizes the call and refuses a name in use before any key is made. The state machine decides in the end.
func (s *Service) newKeyName(ctx context.Context, call *apigw.Call, name string, tags []state.Tag) error {
	v, err := s.region.View(ctx)
	if err != nil {
		return err
	}
	if _, used := state.KeyPairs.First(v, state.ByName, state.KeyPairName(call.Account, name)); used {
		return awserr.New("InvalidKeyPair.Duplicate", "The keypair already exists")
	}
	made := call.Resource(string(types.ResourceTypeKeyPair), name, nil)
	made.Conditions = map[string]string{"ec2:KeyPairName": name}
	return call.Authorize(tagging(made, tags))
}

// keyPairResource names a key pair for Authorize: policies name key pairs by name.
func keyPairResource(c *apigw.Call, v *state.View, row *state.KeyPair) apigw.Resource {
	r := resource(c, v, types.ResourceTypeKeyPair, row.ID)
	r.ARN = c.ARN("key-pair/" + row.Name)
	return r
}

func (s *Service) storeKeyPair(ctx context.Context, call *apigw.Call, public *sshkey.Public, name, fingerprint string, tags []state.Tag) (*state.KeyPair, []types.Tag, error) {
	row := state.KeyPair{ID: ids.KeyPair.New(), AccountID: call.Account, Name: name, Type: public.Type, Fingerprint: fingerprint, PublicKey: public.Line(name)}
	if err := s.region.Propose(ctx, command.CreateKeyPair{Pair: row, Tags: tags}, nil); err != nil {
		return nil, nil, fmt.Errorf("store key pair %s: %w", row.ID, err)
	}
	var list []types.Tag
	for _, t := range tags {
		list = append(list, types.Tag{Key: aws.String(t.Key), Value: aws.String(t.Value)})
	}
	return &row, list, nil
}

// checkKeyName keeps to one line of printable ASCII: the name is the comment of the key file and of authorized_keys.
func checkKeyName(name string) error {
	if name == "" {
		return awserr.MissingParameter("KeyName")
	}
	odd := strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' })
	if odd || len(name) > maxKeyName || strings.TrimSpace(name) != name {
		return awserr.InvalidParameterValue("Value for parameter KeyName is invalid. A name may have up to %d ASCII characters and no leading or trailing spaces.", maxKeyName)
	}
	return nil
}

// DeleteKeyPair deletes a key pair; one that does not exist is no error, as in EC2.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteKeyPair.html
func (s *Service) DeleteKeyPair(ctx context.Context, in *sdk.DeleteKeyPairInput) (*sdk.DeleteKeyPairOutput, error) {
	call := apigw.CallFrom(ctx)
	name, id := valueOf(in.KeyName), valueOf(in.KeyPairId)
	switch {
	case name == "" && id == "":
		return nil, awserr.MissingParameter("KeyName")
	case name != "" && id != "":
		return nil, awserr.InvalidParameterCombination("The parameters KeyName and KeyPairId cannot be used together.")
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	touched := call.Resource(string(types.ResourceTypeKeyPair), name, map[string]string{})
	if row, ok := findKeyPair(v, call.Account, name, id); ok {
		touched = keyPairResource(call, v, row)
	}
	if err := call.Authorize(touched); err != nil {
		return nil, err
	}
	var deleted command.DeletedKeyPair
	if err := s.region.Propose(ctx, command.DeleteKeyPair{AccountID: call.Account, Name: name, ID: id}, &deleted); err != nil {
		return nil, fmt.Errorf("delete key pair %s%s: %w", name, id, err)
	}
	return &sdk.DeleteKeyPairOutput{Return: aws.Bool(true), KeyPairId: optional(deleted.ID)}, nil
}

func findKeyPair(v *state.View, account, name, id string) (*state.KeyPair, bool) {
	if id != "" {
		return state.KeyPairs.Get(v, account, id)
	}
	return state.KeyPairs.First(v, state.ByName, state.KeyPairName(account, name))
}

// describedKeyPairs are DescribeKeyPairs' filters.
var describedKeyPairs = described[types.KeyPairInfo]{
	id:   func(k types.KeyPairInfo) string { return valueOf(k.KeyName) },
	tags: func(k types.KeyPairInfo) []types.Tag { return k.Tags },
	filters: map[string]func(types.KeyPairInfo) []string{
		"key-pair-id": func(k types.KeyPairInfo) []string { return some(valueOf(k.KeyPairId)) },
		"key-name":    func(k types.KeyPairInfo) []string { return some(valueOf(k.KeyName)) },
		"fingerprint": func(k types.KeyPairInfo) []string { return some(valueOf(k.KeyFingerprint)) },
	},
}

// DescribeKeyPairs lists key pairs.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeKeyPairs.html
func (s *Service) DescribeKeyPairs(ctx context.Context, in *sdk.DescribeKeyPairsInput) (*sdk.DescribeKeyPairsOutput, error) {
	call := apigw.CallFrom(ctx)
	list, err := newListing(describedKeyPairs, in.Filters, pageOf(nil, nil, ""))
	if err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	pairs, err := namedKeyPairs(v, call.Account, in)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	rows := newRows(v, call.Account)
	shown := translate(pairs, func(k *state.KeyPair) types.KeyPairInfo { return rows.keyPair(k, valueOf(in.IncludePublicKey)) })
	return &sdk.DescribeKeyPairsOutput{KeyPairs: list.unpaged(shown)}, nil
}

// namedKeyPairs are the pairs that the caller names by name or id, or all of the account.
func namedKeyPairs(v *state.View, account string, in *sdk.DescribeKeyPairsInput) ([]*state.KeyPair, error) {
	if len(in.KeyNames) == 0 && len(in.KeyPairIds) == 0 {
		return slices.Collect(state.KeyPairs.Of(v, account)), nil
	}
	byName, err := pick(ids.KeyPair, in.KeyNames, func(name string) (*state.KeyPair, bool) { return findKeyPair(v, account, name, "") })
	if err != nil {
		return nil, err
	}
	byID, err := pick(ids.KeyPair, in.KeyPairIds, func(id string) (*state.KeyPair, bool) { return state.KeyPairs.Get(v, account, id) })
	if err != nil {
		return nil, err
	}
	for _, k := range byID {
		if !slices.Contains(byName, k) {
			byName = append(byName, k)
		}
	}
	return byName, nil
}

// keyPair is a key pair as DescribeKeyPairs shows it, with a list of tags even when it is empty, as EC2 does.
func (r rows) keyPair(k *state.KeyPair, public bool) types.KeyPairInfo {
	out := types.KeyPairInfo{KeyPairId: aws.String(k.ID), KeyName: aws.String(k.Name), KeyType: types.KeyType(k.Type),
		KeyFingerprint: aws.String(k.Fingerprint), CreateTime: timeOf(k.Created), Tags: append([]types.Tag{}, r.tags(k.ID)...)}
	if public {
		out.PublicKey = aws.String(k.PublicKey)
	}
	return out
}
