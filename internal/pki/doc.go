// SPDX-License-Identifier: Apache-2.0

// Package pki owns the keys and certificates of a cluster.
//
// Two authorities are made once, when a cluster is made: the cluster CA signs the certificates with which nodes prove
// to each other who they are, the API CA signs the certificate of the AWS endpoint. They are separate because the API
// CA is handed to users as something to trust, and a user's tool that may impersonate the endpoint must not thereby be
// able to impersonate a node.
//
// A node is named by the URI hive://<cluster>/node/<id> in its certificate (the DNS name <id> stands beside it, so
// that the standard verification has something to verify). Certificates live for 30 days and are renewed at two thirds
// of that by a [Renewer]; the key stays the same, so that its fingerprint can be pinned. A certificate that expired
// while its site was switched off may therefore still renew ([Authority.Renew]) when its key is the pinned one.
//
// Files, all 0600 in one directory of mode 0700, each replaced in one step:
//
//	ca.pem  ca.key          the cluster CA; the key only until the region holds it
//	api-ca.pem  api-ca.key  the API CA; ca bundle for AWS clients; the key only until the region holds it
//	node.pem  node.key      this node
//	api.pem  api.key        the endpoint of this node
//
// While an authority is being replaced its file is a bundle of both, and certificates of either are accepted
// ([Identity.Trust]).
//
// A key is written before its certificate, so the certificate's presence means that both are there. Nothing here
// starts a goroutine; [Renewer.Run] works in its caller's. Start reading at [Dir].
package pki
