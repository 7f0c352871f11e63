// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"strings"
	"testing"
)

// statement wraps the inside of a statement into a document.
func statement(inside string) string {
	return `{"Version":"2012-10-17","Statement":{` + inside + `}}`
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	allow := `"Effect":"Allow","Action":"s3:GetObject","Resource":"*"`
	trust := `"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ec2.amazonaws.com"}`
	key := `"Effect":"Allow","Action":"kms:*","Resource":"*"`
	for _, c := range []struct {
		name string
		kind Kind
		text string
		want string // the message; empty: accepted
	}{
		{"plain", Identity, statement(allow), ""},
		{"a list of statements", Identity, `{"Version":"2012-10-17","Statement":[{` + allow + `}]}`, ""},
		{"with an id", Identity, `{"Version":"2012-10-17","Id":"x","Statement":{` + allow + `}}`, ""},
		{"no JSON", Identity, "This is not a json document", msgSyntax},
		{"empty", Identity, "", msgSyntax},
		{"a list", Identity, "[]", msgSyntax},
		{"two documents", Identity, statement(allow) + statement(allow), msgSyntax},
		{"old version", Identity, `{"Version":"2008-10-17","Statement":{` + allow + `}}`, msgVersion},
		{"no version", Identity, `{"Statement":{` + allow + `}}`, msgVersion},
		{"future version", Identity, `{"Version":"2013-10-17","Statement":{` + allow + `}}`, msgSyntax},
		{"version is a number", Identity, `{"Version":2012,"Statement":{` + allow + `}}`, msgSyntax},
		{"no statement", Identity, `{"Version":"2012-10-17"}`, msgSyntax},
		{"no statements", Identity, `{"Version":"2012-10-17","Statement":[]}`, msgSyntax},
		{"statement is a text", Identity, `{"Version":"2012-10-17","Statement":"x"}`, msgSyntax},
		{"unknown member", Identity, `{"Version":"2012-10-17","Extra":1,"Statement":{` + allow + `}}`, msgSyntax},
		{"unknown field", Identity, statement(allow + `,"Extra":1`), msgSyntax},
		{"a member twice", Identity, statement(allow + `,"Effect":"Deny"`), msgSyntax},
		{"lower case effect", Identity, statement(`"Effect":"allow","Action":"s3:GetObject","Resource":"*"`), msgSyntax},
		{"no effect", Identity, statement(`"Action":"s3:GetObject","Resource":"*"`), msgSyntax},
		{"no action", Identity, statement(`"Effect":"Allow","Resource":"*"`), msgActions},
		{"empty actions", Identity, statement(`"Effect":"Allow","Action":[],"Resource":"*"`), msgActions},
		{"both actions", Identity, statement(allow + `,"NotAction":"ec2:*"`), msgSyntax},
		{"no resource", Identity, statement(`"Effect":"Allow","Action":"s3:GetObject"`), msgResources},
		{"empty resources", Identity, statement(`"Effect":"Allow","Action":"s3:GetObject","Resource":[]`), msgResources},
		{"both resources", Identity, statement(allow + `,"NotResource":"*"`), msgSyntax},
		{"principal in an identity policy", Identity, statement(allow + `,"Principal":"*"`), msgPrincipal},
		{"principal in an SCP", SCP, statement(allow + `,"Principal":"*"`), msgPrincipal},
		{"action without vendor", Identity, statement(`"Effect":"Allow","Action":"ListBucket","Resource":"*"`), msgVendor},
		{"action with two colons", Identity, statement(`"Effect":"Allow","Action":"s3:Get:Object","Resource":"*"`), msgColon},
		{"vendor with a blank", Identity, statement(`"Effect":"Allow","Action":"s 3:Get","Resource":"*"`), "Vendor s 3 is not valid"},
		{"resource that is no ARN", Identity, statement(`"Effect":"Allow","Action":"s3:GetObject","Resource":"bucket"`), `Resource bucket must be in ARN format or "*".`},
		{"unknown partition", Identity, statement(`"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:hive:s3:::b"`), `Partition "hive" is not valid for resource "arn:hive:s3:::b".`},
		{"IAM with a region", Identity, statement(`"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam:us-east-1:1:user/x"`), "IAM resource arn:aws:iam:us-east-1:1:user/x cannot contain region information."},
		{"IAM path", Identity, statement(`"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam::123456789012:bob"`), msgIAMResources},
		{"same Sid", Identity, `{"Version":"2012-10-17","Statement":[{"Sid":"a",` + allow + `},{"Sid":"a",` + allow + `}]}`, msgUniqueSid},
		{"no Sids", Identity, `{"Version":"2012-10-17","Statement":[{` + allow + `},{` + allow + `}]}`, ""},
		{"Sid with a blank", Identity, statement(`"Sid":"a b",` + allow), msgSid},
		{"unknown operator", Identity, statement(allow + `,"Condition":{"StringMatches":{"aws:x":"y"}}`), msgSyntax},
		{"NullIfExists", Identity, statement(allow + `,"Condition":{"NullIfExists":{"aws:x":"true"}}`), msgSyntax},
		{"condition on a plain key", Identity, statement(allow + `,"Condition":{"StringEquals":{"x":"y"}}`), msgVendor},
		{"bad address", Identity, statement(allow + `,"Condition":{"IpAddress":{"aws:SourceIp":"10.0.0"}}`), msgSyntax},
		{"bad date", Identity, statement(allow + `,"Condition":{"DateLessThan":{"aws:CurrentTime":"tomorrow"}}`), msgLegacy},
		{"bad number", Identity, statement(allow + `,"Condition":{"NumericEquals":{"s3:max-keys":"ten"}}`), msgSyntax},
		{"a number as it is", Identity, statement(allow + `,"Condition":{"NumericEquals":{"s3:max-keys":10}}`), ""},
		{"a boolean as it is", Identity, statement(allow + `,"Condition":{"Bool":{"aws:SecureTransport":false}}`), ""},
		{"unclosed variable", Identity, statement(`"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::${aws:username"`), msgSyntax},
		{"default without quotes", Identity, statement(`"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::${aws:username, x}"`), msgSyntax},
		{"default", Identity, statement(`"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::${aws:username, 'x'}"`), ""},
		{"too large", Identity, statement(allow) + strings.Repeat(" ", MaxText), msgSize},
		{"too deep", Identity, statement(allow + `,"Condition":` + strings.Repeat("[", 50) + strings.Repeat("]", 50)), msgSyntax},

		{"trust", Trust, statement(trust), ""},
		{"old trust", Trust, `{"Version":"2008-10-17","Statement":{` + trust + `}}`, ""},
		{"trust with a resource", Trust, statement(trust + `,"Resource":"*"`), "Has prohibited field Resource"},
		{"trust without principal", Trust, statement(`"Effect":"Allow","Action":"sts:AssumeRole"`), "Missing required field Principal"},
		{"trust without action", Trust, statement(`"Effect":"Allow","Principal":"*"`), "Missing required field Action"},
		{"trust of other actions", Trust, statement(`"Effect":"Allow","Principal":"*","Action":"ec2:*"`), msgAssumeRole},
		{"trust of nobody", Trust, statement(`"Effect":"Allow","Principal":{"AWS":"bob"},"Action":"sts:AssumeRole"`), `Invalid principal in policy: "AWS":"bob"`},
		{"trust of a wildcard", Trust, statement(`"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/*"},"Action":"sts:AssumeRole"`), `Invalid principal in policy: "AWS":"arn:aws:iam::123456789012:user/*"`},
		{"trust of a bad service", Trust, statement(`"Effect":"Allow","Principal":{"Service":"ec2"},"Action":"sts:AssumeRole"`), `Invalid principal in policy: "SERVICE":"ec2"`},
		{"trust with NotPrincipal", Trust, statement(`"Effect":"Deny","NotPrincipal":"*","Action":"sts:AssumeRole"`), "Has prohibited field NotPrincipal"},
		{"key", Resource, statement(key + `,"Principal":{"AWS":"123456789012"}`), ""},
		{"key without resource", Resource, statement(`"Effect":"Allow","Action":"kms:*","Principal":"*"`), "Missing required field Resource"},
		{"key with a spoken Sid", Resource, statement(`"Sid":"Enable IAM policies",` + key + `,"Principal":"*"`), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse(c.kind, c.text)
			var refused *Error
			switch {
			case c.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.want != "" && (!errors.As(err, &refused) || refused.Message != c.want):
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestStatementsKnowWhereTheyStand(t *testing.T) {
	t.Parallel()
	d, err := Parse(Identity, `{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": "*", "Resource": "*"},
    {"Sid": "B", "Effect": "Deny",
     "Action": "ec2:*", "Resource": "*"}
  ]
}`)
	if err != nil {
		t.Fatal(err)
	}
	s := d.Statements[1]
	if s.Start != (Position{5, 5}) || s.End != (Position{6, 41}) || s.Sid != "B" || s.Index != 1 {
		t.Errorf("the second statement is %q, %d, from %v to %v", s.Sid, s.Index, s.Start, s.End)
	}
}
