// SPDX-License-Identifier: Apache-2.0

package session

import "strings"

// RoleName is the name in a role's ARN: what follows its path.
func RoleName(roleARN string) string {
	return roleARN[strings.LastIndexByte(roleARN, '/')+1:]
}

// RoleSessionARN names a session of a role; the role's path is not in it.
func RoleSessionARN(account, role, name string) string {
	return "arn:aws:sts::" + account + ":assumed-role/" + role + "/" + name
}

// FederatedARN names a federated user.
func FederatedARN(account, name string) string {
	return "arn:aws:sts::" + account + ":federated-user/" + name
}
