// SPDX-License-Identifier: Apache-2.0

package apigw

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/sigv4"
	"github.com/hivecloud/hive/apigw/wire"
)

// signing are the rules of the query services.
var signing = sigv4.Options{Skew: 5 * time.Minute}

// noSecret stands in for the secret of a key that does not exist, so that the refusal takes as long.
const noSecret = "no such key, but the work is the same"

// authenticate verifies the signature and finds the service and the principal.
func (x *exchange) authenticate() error {
	sig, err := sigv4.Parse(x.request)
	if err != nil {
		x.guessService()
		if refused := new(sigv4.Error); errors.As(err, &refused) && refused.Kind == sigv4.Missing && x.needsNoSignature() {
			return nil
		}
		return x.authError(err)
	}
	x.signature = sig
	x.service = x.gateway.services[sig.Service]
	if x.service == nil {
		x.guessService()
		return awserr.New("SignatureDoesNotMatch", "Credential should be scoped to a service of this region, not '%.64s'.", sig.Service)
	}
	if !x.regionFits(sig.Region) {
		return x.authError(&sigv4.Error{Kind: sigv4.WrongScope, Message: fmt.Sprintf("Credential should be scoped to a valid region, not '%.64s'. This region is '%s'.", sig.Region, x.gateway.cfg.Region)})
	}
	if err := sig.CheckTime(x.arrived, signing); err != nil {
		return x.authError(err)
	}
	p, err := x.signer(sig)
	x.claimed = p
	x.claimed.Secret = ""
	expired := errors.Is(err, ErrExpiredToken)
	unknown := errors.Is(err, ErrUnknownKey) || errors.Is(err, ErrInvalidToken)
	if err != nil && !unknown && !expired {
		return fmt.Errorf("look up access key %s: %w", sig.AccessKeyID, errors.Join(err, errUnavailable))
	}
	if unknown {
		p.Secret = noSecret
	}
	err = sig.Verify(x.request, p.Secret, sigv4.HashBody(x.body), &x.gateway.keys, signing)
	switch {
	case unknown || p.Status != Active && err == nil:
		return x.unknownKey()
	case err != nil:
		return x.authError(err)
	case expired:
		return x.expiredToken()
	case !x.mayCall(p):
		return x.unknownKey()
	}
	p.Secret = ""
	x.principal = p
	return nil
}

// signer finds whose credentials signed. A token comes with temporary credentials and with nothing else.
func (x *exchange) signer(sig *sigv4.Signature) (Principal, error) {
	ctx, temporary := x.request.Context(), strings.HasPrefix(sig.AccessKeyID, session)
	switch {
	case temporary && sig.SecurityToken != "":
		return x.gateway.cfg.Principals.Session(ctx, sig.AccessKeyID, sig.SecurityToken)
	case temporary || sig.SecurityToken != "":
		return Principal{}, ErrInvalidToken
	}
	return x.gateway.cfg.Principals.Lookup(ctx, sig.AccessKeyID)
}

// session begins the access key ids of temporary credentials.
const session = "ASIA"

// mayCall: the credentials of GetFederationToken never call IAM, those of GetSessionToken only with a second factor.
// See https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_sts-comparison.html
func (x *exchange) mayCall(p Principal) bool {
	return x.service.name != "iam" || p.Session == nil || p.Type == PrincipalAssumedRole || p.Type != PrincipalFederated && p.Session.MFA
}

// expiredToken is said after the signature was found to be good.
func (x *exchange) expiredToken() error {
	if x.ec2() {
		return awserr.New("RequestExpired", "Request has expired.")
	}
	return awserr.New("ExpiredToken", "The security token included in the request is expired")
}

// regionFits: IAM and STS are global services, whose clients may also sign for AWS's home region.
func (x *exchange) regionFits(region string) bool {
	return region == x.gateway.cfg.Region || region == "us-east-1" && (x.service.name == "iam" || x.service.name == "sts")
}

// guessService picks the envelope for a request whose signature names no service of ours: by its API version.
func (x *exchange) guessService() {
	if x.format != wire.Urlencoded {
		target, _ := x.operation()
		x.service = x.gateway.targeted(target)
		return
	}
	form, err := x.form()
	if err != nil {
		return
	}
	if version, err := form.Take("Version"); err == nil {
		x.service = x.gateway.versions[version]
	}
}

// needsNoSignature: a few actions carry their own proof of who calls. Their handlers check it; until then the call has no
// principal and no account.
func (x *exchange) needsNoSignature() bool {
	if x.service == nil || len(x.service.unsigned) == 0 || x.format != wire.Urlencoded {
		return false
	}
	form, err := x.form()
	if err != nil {
		return false
	}
	action, err := form.Take("Action")
	return err == nil && slices.Contains(x.service.unsigned, action)
}

// ec2 reports whether the answer is EC2's to phrase.
func (x *exchange) ec2() bool {
	return x.service == nil || x.service.codec.Protocol() == wire.EC2Query
}

func (x *exchange) unknownKey() error {
	if x.ec2() {
		return awserr.AuthFailure()
	}
	return awserr.New("InvalidClientTokenId", "The security token included in the request is invalid.")
}

// authError translates a refused signature into the service's code. EC2 tells little, IAM and STS tell why.
func (x *exchange) authError(err error) error {
	var e *sigv4.Error
	if !errors.As(err, &e) {
		return err
	}
	x.log.Debug("signature refused", "reason", e.Message, "source", sourceIP(x.request))
	switch e.Kind {
	case sigv4.Missing:
		return awserr.New("MissingAuthenticationToken", "Request is missing Authentication Token")
	case sigv4.Malformed:
		return awserr.New("IncompleteSignature", "%s", e.Message)
	}
	if !x.ec2() {
		return awserr.New("SignatureDoesNotMatch", "%s", e.Message)
	}
	switch e.Kind {
	case sigv4.Expired, sigv4.NotYet:
		return awserr.New("RequestExpired", "Request has expired.")
	case sigv4.WrongScope:
		return awserr.New("AuthFailure", "%s", e.Message)
	}
	return awserr.AuthFailure()
}
