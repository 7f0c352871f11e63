// SPDX-License-Identifier: Apache-2.0

package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

// Options are what services do differently.
type Options struct {
	Skew            time.Duration // how far the clocks may differ; AWS: 5 minutes, S3 15
	SingleEncode    bool          // S3: the path is encoded once and not normalized
	UnsignedPayload bool          // S3 and EBS: UNSIGNED-PAYLOAD is accepted
}

// CheckTime refuses a signature that is too old, too new, or a presigned URL that has expired.
func (s *Signature) CheckTime(now time.Time, o Options) error {
	now = now.UTC()
	limit, reason := now.Add(-o.Skew), o.Skew
	if s.Presigned {
		limit, reason = now.Add(-s.Expires), s.Expires
	}
	if s.Time.Before(limit) {
		return refuse(Expired, "Signature expired: "+s.rawTime+" is now earlier than "+limit.Format(dateFormat)+" ("+now.Format(dateFormat)+" - "+reason.String()+".)")
	}
	if latest := now.Add(o.Skew); s.Time.After(latest) {
		return refuse(NotYet, "Signature not yet current: "+s.rawTime+" is still later than "+latest.Format(dateFormat)+" ("+now.Format(dateFormat)+" + "+o.Skew.String()+".)")
	}
	return nil
}

// Verify recomputes the signature with the secret. bodyHash is the SHA-256 of the body that was read, in lower case
// hex; it is ignored when the payload is unsigned and that is allowed. keys may be nil.
func (s *Signature) Verify(r *http.Request, secret, bodyHash string, keys *Keys, o Options) error {
	payload := bodyHash
	switch {
	case s.PayloadHash == UnsignedPayload && o.UnsignedPayload:
		payload = UnsignedPayload
	case s.PayloadHash == UnsignedPayload || strings.HasPrefix(s.PayloadHash, "STREAMING-"):
		return refuse(BadPayload, "The payload must be signed: "+s.PayloadHash+" is not accepted by this service")
	case s.PayloadHash != "" && !hmac.Equal([]byte(s.PayloadHash), []byte(bodyHash)):
		return refuse(BadPayload, "The provided 'x-amz-content-sha256' header does not match what was computed.")
	}
	want, err := s.sign(r, secret, payload, keys, o)
	if err != nil {
		return err
	}
	if !hmac.Equal(want, s.signature) {
		return refuse(Mismatch, "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	return nil
}

// sign computes the signature of the request.
func (s *Signature) sign(r *http.Request, secret, payload string, keys *Keys, o Options) ([]byte, error) {
	canonical, err := s.appendCanonical(make([]byte, 0, 1024), r, payload, o)
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256(canonical)
	text := make([]byte, 0, 256)
	text = append(text, Algorithm+"\n"...)
	text = append(text, s.rawTime...)
	text = append(text, '\n')
	text = append(text, s.Date+"/"+s.Region+"/"+s.Service+"/"+terminator+"\n"...)
	text = hex.AppendEncode(text, hash[:])
	return mac(keys.signing(s.AccessKeyID, secret, s.Date, s.Region, s.Service), string(text)), nil
}

// HashBody is the hex SHA-256 that Verify takes.
func HashBody(body []byte) string {
	hash := sha256.Sum256(body)
	return hex.EncodeToString(hash[:])
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
