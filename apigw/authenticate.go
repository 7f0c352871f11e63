// SPDX-License-Identifier: Apache-2.0

package apigw

import (
	"crypto/hmac"
	"errors"
	"fmt"
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
	p, err := x.gateway.cfg.Principals.Lookup(x.request.Context(), sig.AccessKeyID)
	x.claimed = p
	x.claimed.Secret, x.claimed.Token = "", ""
	unknown := errors.Is(err, ErrUnknownKey)
	if err != nil && !unknown {
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
	case p.Token == "" && sig.SecurityToken != "", p.Token != "" && !hmac.Equal([]byte(p.Token), []byte(sig.SecurityToken)):
		return x.unknownKey()
	}
	p.Secret, p.Token = "", ""
	x.principal = p
	return nil
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
