// SPDX-License-Identifier: Apache-2.0

package sigv4

// Kind is why a request was refused.
type Kind int

// Kinds of refusals.
const (
	Missing     Kind = iota + 1 // no signature at all
	Malformed                   // a signature that cannot be understood, or that leaves out what must be signed
	Expired                     // older than the skew, or a presigned URL after its time
	NotYet                      // in the future by more than the skew
	WrongScope                  // date, region or service of the scope do not fit the request
	BadPayload                  // the body is not the one that was signed, or was not signed at all
	Mismatch                    // the signature is not the one that the secret makes
	TokenNeeded                 // the key needs its session token and the request carries none or another
)

// Error is a refusal. Message is for the caller and holds no secrets.
type Error struct {
	Kind    Kind
	Message string
}

// Error makes it an error.
func (e *Error) Error() string { return e.Message }

func refuse(k Kind, message string) *Error { return &Error{Kind: k, Message: message} }
