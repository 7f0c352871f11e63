// SPDX-License-Identifier: Apache-2.0

package sigv4

import (
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Algorithm is the only one that is accepted.
const Algorithm = "AWS4-HMAC-SHA256"

const (
	dateFormat = "20060102T150405Z"
	terminator = "aws4_request"

	maxHeader  = 16 << 10 // bytes of one header, signed or not
	maxSigned  = 64       // signed headers
	maxExpires = 7 * 24 * time.Hour

	// UnsignedPayload is the payload hash of a request whose body is not signed.
	UnsignedPayload = "UNSIGNED-PAYLOAD"
)

// Signature is what a request claims about itself.
type Signature struct {
	AccessKeyID   string
	Date          string // of the scope: YYYYMMDD
	Region        string
	Service       string
	Time          time.Time
	Presigned     bool
	Expires       time.Duration // presigned only
	SecurityToken string        // session token, not verified here
	SignedHeaders []string      // lower case, sorted
	// PayloadHash is x-amz-content-sha256: a hash in hex, UnsignedPayload, or empty when the request names none.
	PayloadHash string

	signature []byte
	rawTime   string
}

// single lists the headers that may appear only once.
var single = []string{"Authorization", "X-Amz-Date", "X-Amz-Content-Sha256", "X-Amz-Security-Token", "X-Amz-Target", "Date", "Content-Type", "Content-Length"}

// Parse reads the signature of a request.
func Parse(r *http.Request) (*Signature, error) {
	for _, h := range single {
		if len(r.Header[h]) > 1 {
			return nil, refuse(Malformed, "The header "+h+" is specified more than once")
		}
	}
	query, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	_, presigned := query.get("X-Amz-Signature")
	if !presigned {
		_, presigned = query.get("X-Amz-Algorithm")
	}
	auth := r.Header.Get("Authorization")
	var s *Signature
	switch {
	case presigned && auth != "":
		return nil, refuse(Malformed, "Only one authentication mechanism is allowed: the Authorization header or the query string")
	case presigned:
		s, err = parsePresigned(query)
	case auth != "":
		s, err = parseHeader(r, auth)
	default:
		return nil, refuse(Missing, "Request is missing Authentication Token")
	}
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(s.rawTime, s.Date) {
		return nil, refuse(WrongScope, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '"+s.Date+"' != '"+s.rawTime[:8]+"', from '"+s.rawTime+"'.")
	}
	return s, checkSigned(r, s)
}

func parseHeader(r *http.Request, auth string) (*Signature, error) {
	if len(auth) > maxHeader {
		return nil, refuse(Malformed, "The Authorization header is too long")
	}
	rest, ok := strings.CutPrefix(auth, Algorithm+" ")
	if !ok {
		return nil, refuse(Malformed, "Authorization header must begin with '"+Algorithm+"'")
	}
	fields := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, ok := strings.Cut(strings.Trim(part, " "), "=")
		if _, twice := fields[name]; !ok || twice || name != "Credential" && name != "SignedHeaders" && name != "Signature" {
			return nil, refuse(Malformed, "Authorization header requires exactly one each of 'Credential', 'Signature' and 'SignedHeaders'")
		}
		fields[name] = value
	}
	s := &Signature{SecurityToken: r.Header.Get("X-Amz-Security-Token"), PayloadHash: r.Header.Get("X-Amz-Content-Sha256")}
	if len(s.SecurityToken) > maxHeader {
		return nil, refuse(Malformed, "The session token is too long")
	}
	if err := s.setTime(r); err != nil {
		return nil, err
	}
	return s, s.setFields(fields["Credential"], fields["SignedHeaders"], fields["Signature"])
}

// setTime takes X-Amz-Date or, without one, Date.
func (s *Signature) setTime(r *http.Request) error {
	s.rawTime = r.Header.Get("X-Amz-Date")
	if s.rawTime == "" {
		t, err := http.ParseTime(r.Header.Get("Date"))
		if err != nil {
			return refuse(Malformed, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
		}
		s.rawTime = t.UTC().Format(dateFormat)
	}
	return s.parseTime()
}

func (s *Signature) parseTime() error {
	t, err := time.Parse(dateFormat, s.rawTime)
	if err != nil {
		return refuse(Malformed, "Date must be in ISO-8601 'basic format': YYYYMMDD'T'HHMMSS'Z'")
	}
	s.Time = t
	return nil
}

func parsePresigned(q query) (*Signature, error) {
	for i, p := range q {
		if strings.HasPrefix(p.name, "X-Amz-") && slices.ContainsFunc(q[:i], func(o pair) bool { return o.name == p.name }) {
			return nil, refuse(Malformed, "The parameter "+p.name+" is specified more than once")
		}
	}
	if a, _ := q.get("X-Amz-Algorithm"); a != Algorithm {
		return nil, refuse(Malformed, "X-Amz-Algorithm only supports '"+Algorithm+"'")
	}
	s := &Signature{Presigned: true}
	s.SecurityToken, _ = q.get("X-Amz-Security-Token")
	s.PayloadHash, _ = q.get("X-Amz-Content-Sha256")
	s.rawTime, _ = q.get("X-Amz-Date")
	if err := s.parseTime(); err != nil {
		return nil, err
	}
	expires, _ := q.get("X-Amz-Expires")
	seconds, err := strconv.Atoi(expires)
	if err != nil || seconds < 1 || time.Duration(seconds)*time.Second > maxExpires {
		return nil, refuse(Malformed, "X-Amz-Expires must be a number of seconds between 1 and 604800")
	}
	s.Expires = time.Duration(seconds) * time.Second
	credential, _ := q.get("X-Amz-Credential")
	signed, _ := q.get("X-Amz-SignedHeaders")
	signature, _ := q.get("X-Amz-Signature")
	return s, s.setFields(credential, signed, signature)
}

// setFields reads the three parts that both forms share.
func (s *Signature) setFields(credential, signed, signature string) error {
	scope := strings.Split(credential, "/")
	if len(credential) > 512 || len(scope) != 5 || slices.Contains(scope, "") || scope[4] != terminator {
		return refuse(Malformed, "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/"+terminator)
	}
	s.AccessKeyID, s.Date, s.Region, s.Service = scope[0], scope[1], scope[2], scope[3]
	if _, err := time.Parse("20060102", s.Date); err != nil {
		return refuse(Malformed, "Credential scope must hold a date of the form YYYYMMDD")
	}
	raw, err := hex.DecodeString(signature)
	if err != nil || len(raw) != 32 || strings.ToLower(signature) != signature {
		return refuse(Malformed, "Signature must be 64 lower case hexadecimal digits")
	}
	s.signature = raw
	s.SignedHeaders = strings.Split(signed, ";")
	if len(s.SignedHeaders) > maxSigned || strings.ToLower(signed) != signed || !slices.IsSorted(s.SignedHeaders) ||
		len(slices.Compact(slices.Clone(s.SignedHeaders))) != len(s.SignedHeaders) {
		return refuse(Malformed, "SignedHeaders must be a sorted list of lower case header names, each once")
	}
	return nil
}

// checkSigned refuses a request that leaves out a header which must be signed, or signs one that it does not have.
func checkSigned(r *http.Request, s *Signature) error {
	if !slices.Contains(s.SignedHeaders, "host") {
		return refuse(Malformed, "'Host' must be a 'SignedHeader' in the AWS Authorization.")
	}
	for name, values := range r.Header {
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, "x-amz-") && !slices.Contains(s.SignedHeaders, lower) {
			return refuse(Malformed, "There were headers present in the request which were not signed: "+lower)
		}
		size := 0
		for _, v := range values {
			size += len(v)
		}
		if size > maxHeader {
			return refuse(Malformed, "The header "+name+" is too long")
		}
	}
	for _, name := range s.SignedHeaders {
		if name == "host" || name == "content-length" {
			continue
		}
		if len(r.Header.Values(name)) == 0 {
			return refuse(Malformed, "The signed header "+strconv.Quote(name)+" is not in the request")
		}
	}
	return nil
}
