// SPDX-License-Identifier: Apache-2.0

package principals

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/session"
	"github.com/hivecloud/hive/fsm/state"
)

// Session finds whose temporary credentials these are. The token says it, and the region's state whether it still holds:
// a session ends with its account, its role or user, the key that it was made with, and with "revoke older sessions".
func (s *Store) Session(ctx context.Context, accessKeyID, token string) (apigw.Principal, error) {
	claims, secret, err := s.keeper.Open(accessKeyID, token, s.now())
	expired := errors.Is(err, session.ErrExpired)
	if err != nil && !expired {
		return apigw.Principal{}, apigw.ErrInvalidToken
	}
	v, err := apigw.IdentityView(ctx, s.region.View)
	if err != nil {
		return apigw.Principal{}, fmt.Errorf("look up session: %w", err)
	}
	account, ok := state.Accounts.Get(v, claims.AccountID, claims.AccountID)
	if !ok {
		return apigw.Principal{}, apigw.ErrInvalidToken
	}
	p := apigw.Principal{AccountID: account.ID, AccessKeyID: accessKeyID, Type: claims.Type, Secret: secret.Reveal(), Status: apigw.Active, Session: &claims.Session}
	if account.Status != state.AccountActive {
		p.Status = apigw.Inactive
	}
	if err := describe(v, claims, &p); err != nil {
		return apigw.Principal{}, err
	}
	if expired {
		return p, apigw.ErrExpiredToken
	}
	return p, nil
}

// describe fills in who the principal is, unless the session has ended.
func describe(v *state.View, claims *session.Claims, p *apigw.Principal) error {
	switch claims.Type {
	case apigw.PrincipalAssumedRole:
		return describeRole(v, claims, p)
	case apigw.PrincipalUser, apigw.PrincipalRoot:
		return describeUser(v, claims, p)
	case apigw.PrincipalFederated:
		if err := describeUser(v, claims, p); err != nil {
			return err
		}
		p.Type, p.ARN = apigw.PrincipalFederated, session.FederatedARN(p.AccountID, claims.Session.Name)
		p.UserID, p.UserName, p.Session.User = p.AccountID+":"+claims.Session.Name, "", claims.UserName
		return nil
	}
	return apigw.ErrInvalidToken
}

// describeRole: the role must be the one that was assumed, not a later one of the same name.
func describeRole(v *state.View, claims *session.Claims, p *apigw.Principal) error {
	name := session.RoleName(claims.Session.RoleARN)
	role, ok := state.Roles.Get(v, claims.AccountID, state.RoleKey(claims.AccountID, name))
	if !ok || role.ID != claims.Session.RoleID || revoked(claims.Session.Issued, role.RevokedBefore) {
		return apigw.ErrInvalidToken
	}
	p.ARN, p.UserID = session.RoleSessionARN(p.AccountID, name, claims.Session.Name), role.ID+":"+claims.Session.Name
	return nil
}

func revoked(issued time.Time, before state.Time) bool {
	return before != 0 && issued.Before(before.Std())
}

// describeUser: the user must be the same one, with the key that the session was made with, and that key in use.
func describeUser(v *state.View, claims *session.Claims, p *apigw.Principal) error {
	user, ok := state.Users.Get(v, claims.AccountID, state.UserKey(claims.AccountID, claims.UserName))
	if !ok || user.ID != claims.UserID {
		return apigw.ErrInvalidToken
	}
	key, ok := state.AccessKeys.Get(v, claims.AccountID, claims.KeyID)
	if !ok || key.UserName != user.Name || key.Status != state.KeyActive {
		return apigw.ErrInvalidToken
	}
	p.Type, p.ARN, p.UserID, p.UserName = apigw.PrincipalUser, user.ARN(), user.ID, user.Name
	if user.Root {
		p.Type, p.Root, p.UserName = apigw.PrincipalRoot, true, ""
	}
	return nil
}
