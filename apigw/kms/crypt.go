// SPDX-License-Identifier: Apache-2.0

package kms

import (
	"cmp"
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/fsm/state"
)

const (
	maxPlain   = 4096
	maxRandom  = 1024
	maxBlob    = 6144
	maxContext = 8192
)

// withContext lets policies see the encryption context.
func withContext(context map[string]string) func(*apigw.Resource) {
	return func(r *apigw.Resource) {
		for k, v := range context {
			r.Conditions["kms:EncryptionContext:"+k] = v
		}
		if len(context) > 0 {
			keys := make([]string, 0, len(context))
			for k := range context {
				keys = append(keys, k)
			}
			r.Keys = map[string][]string{"kms:EncryptionContextKeys": keys}
		}
	}
}

func checkContext(context map[string]string) error {
	n := 0
	for k, v := range context {
		n += len(k) + len(v)
	}
	if n > maxContext {
		return awserr.New("ValidationException", "The encryption context has more than %d characters", maxContext)
	}
	return nil
}

// seal encrypts with the newest material of a key.
func (s *Service) seal(k *state.KMSKey, context map[string]string, plain []byte) ([]byte, error) {
	m := k.Newest()
	material, err := s.material(k, m)
	if err != nil {
		return nil, err
	}
	defer clear(material)
	return sealBlob(material, k.AccountID, blobHead{k.ID, m.Version}, context, plain, randomly)
}

// encrypting is a key that a request wants to encrypt with.
func (s *Service) encrypting(ctx context.Context, id *string, context map[string]string) (*state.KMSKey, error) {
	call := apigw.CallFrom(ctx)
	if err := checkContext(context); err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	k, err := s.find(ctx, call, v, "", id)
	if err != nil {
		return nil, err
	}
	if err := s.authorize(call, k, withContext(context)); err != nil {
		return nil, err
	}
	return k.KMSKey, s.usable(k.KMSKey)
}

// Encrypt encrypts up to 4096 bytes.
// See https://docs.aws.amazon.com/kms/latest/APIReference/API_Encrypt.html
func (s *Service) Encrypt(ctx context.Context, in *sdk.EncryptInput) (*sdk.EncryptOutput, error) {
	if n := len(in.Plaintext); n < 1 || n > maxPlain {
		return nil, awserr.New("ValidationException", "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length from 1 to %d", maxPlain)
	}
	k, err := s.encrypting(ctx, in.KeyId, in.EncryptionContext)
	if err != nil {
		return nil, err
	}
	blob, err := s.seal(k, in.EncryptionContext, in.Plaintext)
	if err != nil {
		return nil, err
	}
	return &sdk.EncryptOutput{CiphertextBlob: blob, KeyId: aws.String(s.keyARN(k.AccountID, k.ID)), EncryptionAlgorithm: types.EncryptionAlgorithmSpecSymmetricDefault}, nil
}

// opened is what a ciphertext holds, and the key that it was made with. action is the permission that opens it.
func (s *Service) opened(ctx context.Context, call *apigw.Call, action string, blob []byte, id *string, context map[string]string) ([]byte, *state.KMSKey, error) {
	if len(blob) < 1 || len(blob) > maxBlob {
		return nil, nil, awserr.New("ValidationException", "1 validation error detected: Value at 'ciphertextBlob' failed to satisfy constraint: Member must have length from 1 to %d", maxBlob)
	}
	if err := checkContext(context); err != nil {
		return nil, nil, err
	}
	head, err := parseBlob(blob)
	if err != nil {
		return nil, nil, broken()
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, nil, err
	}
	if id != nil {
		wanted, err := s.find(ctx, call, v, action, id)
		if err != nil {
			return nil, nil, err
		}
		if wanted.ID != head.keyID {
			if err := s.authorizeAs(call, action, wanted, withContext(context)); err != nil {
				return nil, nil, err
			}
			return nil, nil, awserr.New("IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation.")
		}
	}
	row, ok := state.KMSKeys.Get(v, state.AnyAccount, head.keyID)
	if !ok {
		return nil, nil, awserr.AccessDenied(call.Principal.ARN, cmp.Or(action, "kms:"+call.Action), "*", "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.")
	}
	k := key{row, s.keyARN(row.AccountID, row.ID)} // who holds a ciphertext has its key's id
	if err := s.authorizeAs(call, action, k, withContext(context)); err != nil {
		return nil, nil, err
	}
	if err := s.usable(row); err != nil {
		return nil, nil, err
	}
	m, ok := k.Material(head.version)
	if !ok {
		return nil, nil, broken()
	}
	material, err := s.material(row, m)
	if err != nil {
		return nil, nil, err
	}
	defer clear(material)
	plain, err := openBlob(material, k.AccountID, context, blob)
	if err != nil {
		return nil, nil, broken()
	}
	return plain, row, nil
}

// Decrypt opens a ciphertext; it knows its key by itself.
// See https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html
func (s *Service) Decrypt(ctx context.Context, in *sdk.DecryptInput) (*sdk.DecryptOutput, error) {
	plain, k, err := s.opened(ctx, apigw.CallFrom(ctx), "", in.CiphertextBlob, in.KeyId, in.EncryptionContext)
	if err != nil {
		return nil, err
	}
	return &sdk.DecryptOutput{Plaintext: plain, KeyId: aws.String(s.keyARN(k.AccountID, k.ID)), EncryptionAlgorithm: types.EncryptionAlgorithmSpecSymmetricDefault}, nil
}

// ReEncrypt encrypts what a ciphertext holds anew, without showing it.
// See https://docs.aws.amazon.com/kms/latest/APIReference/API_ReEncrypt.html
func (s *Service) ReEncrypt(ctx context.Context, in *sdk.ReEncryptInput) (*sdk.ReEncryptOutput, error) {
	call := apigw.CallFrom(ctx)
	plain, from, err := s.opened(ctx, call, "kms:ReEncryptFrom", in.CiphertextBlob, in.SourceKeyId, in.SourceEncryptionContext)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	if err := checkContext(in.DestinationEncryptionContext); err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	to, err := s.find(ctx, call, v, "kms:ReEncryptTo", in.DestinationKeyId)
	if err != nil {
		return nil, err
	}
	if err := s.authorizeAs(call, "kms:ReEncryptTo", to, withContext(in.DestinationEncryptionContext)); err != nil {
		return nil, err
	}
	call.AuthorizedBy("kms:ReEncryptFrom", "kms:ReEncryptTo")
	if err := s.usable(to.KMSKey); err != nil {
		return nil, err
	}
	blob, err := s.seal(to.KMSKey, in.DestinationEncryptionContext, plain)
	if err != nil {
		return nil, err
	}
	return &sdk.ReEncryptOutput{CiphertextBlob: blob, KeyId: aws.String(s.keyARN(to.AccountID, to.ID)), SourceKeyId: aws.String(s.keyARN(from.AccountID, from.ID)),
		SourceEncryptionAlgorithm: types.EncryptionAlgorithmSpecSymmetricDefault, DestinationEncryptionAlgorithm: types.EncryptionAlgorithmSpecSymmetricDefault}, nil
}

// dataKeyLen is how long a data key is to be.
func dataKeyLen(spec types.DataKeySpec, bytes *int32) (int, error) {
	switch {
	case (spec == "") == (bytes == nil):
		return 0, awserr.New("ValidationException", "Please specify either number of bytes or key spec.")
	case spec == types.DataKeySpecAes256:
		return 32, nil
	case spec == types.DataKeySpecAes128:
		return 16, nil
	case spec != "":
		return 0, awserr.New("ValidationException", "1 validation error detected: Value '%.64s' at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: [AES_256, AES_128]", string(spec))
	case *bytes < 1 || *bytes > maxRandom:
		return 0, awserr.New("ValidationException", "1 validation error detected: Value '%d' at 'numberOfBytes' failed to satisfy constraint: Member must have value from 1 to %d", *bytes, maxRandom)
	}
	return int(*bytes), nil
}

// dataKey makes a random key and its ciphertext.
func (s *Service) dataKey(ctx context.Context, id *string, spec types.DataKeySpec, bytes *int32, context map[string]string) (plain, blob []byte, k *state.KMSKey, err error) {
	n, err := dataKeyLen(spec, bytes)
	if err != nil {
		return nil, nil, nil, err
	}
	if k, err = s.encrypting(ctx, id, context); err != nil {
		return nil, nil, nil, err
	}
	plain = make([]byte, n)
	randomly(plain)
	blob, err = s.seal(k, context, plain)
	return plain, blob, k, err
}

// GenerateDataKey makes a key for data, in clear and encrypted.
// See https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKey.html
func (s *Service) GenerateDataKey(ctx context.Context, in *sdk.GenerateDataKeyInput) (*sdk.GenerateDataKeyOutput, error) {
	plain, blob, k, err := s.dataKey(ctx, in.KeyId, in.KeySpec, in.NumberOfBytes, in.EncryptionContext)
	if err != nil {
		return nil, err
	}
	return &sdk.GenerateDataKeyOutput{Plaintext: plain, CiphertextBlob: blob, KeyId: aws.String(s.keyARN(k.AccountID, k.ID))}, nil
}

// GenerateDataKeyWithoutPlaintext makes a key for data, encrypted only.
// See https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKeyWithoutPlaintext.html
func (s *Service) GenerateDataKeyWithoutPlaintext(ctx context.Context, in *sdk.GenerateDataKeyWithoutPlaintextInput) (*sdk.GenerateDataKeyWithoutPlaintextOutput, error) {
	plain, blob, k, err := s.dataKey(ctx, in.KeyId, in.KeySpec, in.NumberOfBytes, in.EncryptionContext)
	clear(plain)
	if err != nil {
		return nil, err
	}
	return &sdk.GenerateDataKeyWithoutPlaintextOutput{CiphertextBlob: blob, KeyId: aws.String(s.keyARN(k.AccountID, k.ID))}, nil
}

// GenerateRandom returns up to 1024 random bytes.
// See https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateRandom.html
func (s *Service) GenerateRandom(ctx context.Context, in *sdk.GenerateRandomInput) (*sdk.GenerateRandomOutput, error) {
	n, err := dataKeyLen("", in.NumberOfBytes)
	if err != nil {
		return nil, err
	}
	if err := apigw.CallFrom(ctx).Authorize(); err != nil {
		return nil, err
	}
	out := make([]byte, n)
	randomly(out)
	return &sdk.GenerateRandomOutput{Plaintext: out}, nil
}
