// SPDX-License-Identifier: Apache-2.0

package kms

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/seal"
)

// newMaterial makes a version of a key's material, sealed.
func (s *Service) newMaterial(account, key string, version int) (state.KMSMaterial, error) {
	plain := make([]byte, 32)
	randomly(plain)
	defer clear(plain)
	box, clusterKey, err := s.sealer.Seal(account, state.KMSMaterialName(key, version), seal.NewSecret(string(plain)))
	if err != nil {
		return state.KMSMaterial{}, fmt.Errorf("seal key material: %w", err)
	}
	return state.KMSMaterial{Version: version, Box: box, KeyVersion: clusterKey}, nil
}

// material opens a version of a key's material.
func (s *Service) material(k *state.KMSKey, m state.KMSMaterial) ([]byte, error) {
	plain, err := s.sealer.Open(k.AccountID, state.KMSMaterialName(k.ID, m.Version), m.KeyVersion, m.Box)
	if err != nil {
		return nil, fmt.Errorf("open material of key %s: %w", k.ID, err)
	}
	return []byte(plain.Reveal()), nil
}

// awsAliases are the keys that AWS manages for services.
var awsAliases = map[string]string{
	"alias/aws/ebs": "Default key that protects my EBS volumes when no other key is defined",
	"alias/aws/s3":  "Default key that protects my S3 objects when no other key is defined",
}

func awsAlias(name string) bool { return awsAliases[name] != "" }

// Default is the key behind alias/aws/ebs or alias/aws/s3 of an account; the first question for it makes it.
func (s *Service) Default(ctx context.Context, account, alias string) (*state.KMSKey, error) {
	if !awsAlias(alias) {
		return nil, fmt.Errorf("default key of account %s: there is no %s", account, alias)
	}
	id := uuid.NewString()
	m, err := s.newMaterial(account, id, 1)
	if err != nil {
		return nil, err
	}
	k := state.KMSKey{ID: id, AccountID: account, Description: awsAliases[alias], Manager: "AWS", Policy: defaultPolicy(account), Rotation: true, RotationDays: yearly, Materials: []state.KMSMaterial{m}}
	var made command.KMSKeyMade
	if err := s.region.Propose(ctx, command.CreateKMSKey{Key: k, Alias: alias}, &made); err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	have, ok := state.KMSKeys.Get(v, account, made.KeyID)
	if !ok {
		return nil, fmt.Errorf("default key %s of account %s is gone", made.KeyID, account)
	}
	return have, nil
}

// yearly is the period of automatic rotation unless another is asked for, in days.
const yearly = 365

// rotate adds a material to a key. Another rotation at the same time is a success too: the key was rotated.
func (s *Service) rotate(ctx context.Context, k *state.KMSKey, onDemand bool) error {
	m, err := s.newMaterial(k.AccountID, k.ID, len(k.Materials)+1)
	if err != nil {
		return err
	}
	m.OnDemand = onDemand
	return s.region.Propose(ctx, command.RotateKMSKey{AccountID: k.AccountID, KeyID: k.ID, Material: m}, nil)
}

// RotateDue makes the yearly rotations whose time has come at a moment.
func (s *Service) RotateDue(ctx context.Context, v *state.View, now time.Time) error {
	var errs []error
	for k := range state.KMSKeys.All(v) {
		if !k.Rotation || k.State != state.KMSEnabled || k.NextRotation == 0 || k.NextRotation.Std().After(now) {
			continue
		}
		err := s.rotate(ctx, k, false)
		var refused *command.Error
		if errors.As(err, &refused) && refused.Code == "ConflictException" {
			continue // another node was first
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// broken is the answer for a ciphertext that does not open.
func broken() error { return awserr.New("InvalidCiphertextException", "") }
