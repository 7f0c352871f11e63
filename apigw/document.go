// SPDX-License-Identifier: Apache-2.0

package apigw

import (
	"net/http"
	"strings"

	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/wire"
)

// Some query services are also spoken to in documents, by clients that were generated later: AWS JSON 1.0, which names
// the operation in a header, and Smithy's RPC v2 in CBOR, which names it in the path. A document is read as the form
// that means the same, so that everything behind it (declared members, refusals by name, audit) is the same.

// documentRoute is where RPC v2 clients send their requests.
const documentRoute = "/service/:target/operation/:action"

// targetHeader names the operation of a JSON request: "TARGET.Action".
const targetHeader = "X-Amz-Target"

// The types of JSON documents: services that also take forms speak 1.0, those that take documents only 1.1.
const (
	mediaJSON10 = "application/x-amz-json-1.0"
	mediaJSON11 = "application/x-amz-json-1.1"
)

// mediaTypes are the types of bodies.
var mediaTypes = map[wire.Format]string{
	wire.Urlencoded: "application/x-www-form-urlencoded",
	wire.JSON:       mediaJSON10,
	wire.CBOR:       "application/cbor",
}

// formatOf tells how a request's parameters are written down.
func formatOf(r *http.Request) wire.Format {
	switch {
	case r.URL.Path != "/":
		return wire.CBOR
	case r.Header.Get(targetHeader) != "":
		return wire.JSON
	}
	return wire.Urlencoded
}

// operation is what a document's request names.
func (x *exchange) operation() (target, action string) {
	if x.format == wire.JSON {
		// Some clients put a name space before the target: "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101".
		parts := strings.Split(x.request.Header.Get(targetHeader), ".")
		if len(parts) < 2 {
			return parts[0], ""
		}
		return parts[len(parts)-2], parts[len(parts)-1]
	}
	parts := strings.Split(strings.TrimPrefix(x.request.URL.Path, "/"), "/")
	if len(parts) != 4 {
		return "", ""
	}
	return parts[1], parts[3]
}

// documentsOnly reports whether the service of the request speaks AWS JSON 1.1 and nothing else.
func (x *exchange) documentsOnly() bool {
	return x.service != nil && x.service.codec.Protocol() == wire.AWSJSON
}

// targeted is the service that documents call target.
func (g *Gateway) targeted(target string) *service {
	for _, s := range g.services {
		if target != "" && s.codec.Target() == target {
			return s
		}
	}
	return nil
}

// document identifies the action of a document and reads its parameters.
func (x *exchange) document() (wire.Form, error) {
	target, action := x.operation()
	if target == "" || target != x.service.codec.Target() {
		return nil, awserr.InvalidAction(target + "." + action)
	}
	if protocol := x.request.Header.Get("Smithy-Protocol"); x.format == wire.CBOR && protocol != "rpc-v2-cbor" {
		return nil, awserr.New("UnknownOperationException", "The header smithy-protocol must be rpc-v2-cbor")
	}
	if err := x.identify(action, x.service.codec.Version()); err != nil {
		return nil, err
	}
	if x.service.actions[action] == nil {
		return nil, awserr.InvalidAction(action)
	}
	return x.service.codec.ReadDocument(x.format, action, x.body)
}

// answer writes what a handler answered in the caller's format.
func (x *exchange) answer(out any) ([]byte, error) {
	if x.format != wire.Urlencoded {
		return x.service.codec.AppendDocument(nil, x.format, x.call.Action, out)
	}
	return x.service.codec.AppendResponse(nil, x.call.Action, out, x.id)
}

// documentError writes a refusal as a document.
func (x *exchange) documentError(e *awserr.Error) []byte {
	if x.service == nil {
		return (&wire.Codec{}).AppendDocumentError(nil, x.format, e)
	}
	return x.service.codec.AppendDocumentError(nil, x.format, e)
}

// describe sets the headers that tell a client how to read the answer. Clients that came from the query protocol find
// its error code in a header, because the documents name exceptions instead.
func (x *exchange) describe(h http.Header, refusal *awserr.Error) {
	if x.format == wire.Urlencoded {
		h.Set("Content-Type", "text/xml;charset=UTF-8")
		return
	}
	h.Set("Content-Type", mediaTypes[x.format])
	if x.documentsOnly() {
		h.Set("Content-Type", mediaJSON11)
		return
	}
	if x.format == wire.CBOR {
		h.Set("Smithy-Protocol", "rpc-v2-cbor")
	}
	if refusal != nil {
		fault := "Sender"
		if refusal.Server() {
			fault = "Receiver"
		}
		h.Set("X-Amzn-Query-Error", refusal.Code+";"+fault)
	}
}
