// SPDX-License-Identifier: Apache-2.0

package admin

// Routes, in the pattern syntax of net/http.ServeMux.
const (
	RouteStatus          = "GET /v1/status"                 // -> Status
	RouteMembers         = "GET /v1/members"                // -> []Member
	RouteRaftStatus      = "GET /v1/raft/status"            // -> RaftStatus
	RouteRaftPeers       = "GET /v1/raft/peers"             // -> []RaftPeer
	RouteSnapshotSave    = "POST /v1/raft/snapshot"         // -> bytes of a snapshot
	RouteSnapshotRestore = "PUT /v1/raft/snapshot"          // bytes of a snapshot -> Restored
	RouteNodes           = "GET /v1/nodes"                  // -> []Node
	RouteInstances       = "GET /v1/instances"              // ?account= -> []Instance
	RouteInstance        = "GET /v1/instances/{id}"         // -> Instance
	RouteConsole         = "GET /v1/instances/{id}/console" // ?follow=true -> bytes of the serial log
	RouteImages          = "GET /v1/images"                 // ?account= -> []Image
	RouteImageImport     = "POST /v1/images"                // ImageImportRequest -> ImportEvent lines
	RouteAccounts        = "GET /v1/accounts"               // -> []Account
	RouteAccountCreate   = "POST /v1/accounts"              // AccountCreateRequest -> NewAccount
	RouteAccessKeys      = "GET /v1/access-keys"            // ?account= -> []AccessKey
	RouteAccessKeyCreate = "POST /v1/access-keys"           // AccessKeyCreateRequest -> Credentials
	RouteAccessKeyDelete = "DELETE /v1/access-keys/{id}"    // -> {}
	RouteTokens          = "GET /v1/join-tokens"            // -> []JoinToken
	RouteTokenCreate     = "POST /v1/join-tokens"           // JoinTokenRequest -> NewJoinToken
	RouteTokenRevoke     = "DELETE /v1/join-tokens/{id}"    // -> {}
	RouteRaftTransfer    = "POST /v1/raft/leader"           // TransferRequest -> Leader
	RouteRaftRemove      = "DELETE /v1/raft/peers/{id}"     // -> {}
	RouteEnv             = "GET /v1/env"                    // ?account= -> Environment
	RouteSettings        = "GET /v1/settings"               // -> []Setting
	RouteSettingSet      = "PUT /v1/settings"               // SettingSetRequest -> Setting
	RouteDebug           = "GET /v1/debug/{id}"             // one of DebugParts -> text
	RouteShutdown        = "POST /v1/shutdown"              // ShutdownRequest -> ShutdownEvent lines
)
