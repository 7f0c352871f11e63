// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newUser(a *app) *cobra.Command {
	return group("user", "Make, list and remove IAM users", newUserCreate(a), newUserList(a), newUserDelete(a))
}

var userColumns = []column[admin.User]{
	{"NAME", false, func(u admin.User) string { return u.Name }},
	{"ACCOUNT", false, func(u admin.User) string { return u.Account }},
	{"KEYS", false, func(u admin.User) string { return strconv.Itoa(u.Keys) }},
	{"GROUPS", false, func(u admin.User) string { return strings.Join(u.Groups, ",") }},
	{"POLICIES", false, func(u admin.User) string { return strings.Join(shortPolicies(u.Policies), ",") }},
	{"ARN", true, func(u admin.User) string { return u.ARN }},
	{"CREATED", true, func(u admin.User) string { return u.CreatedAt.UTC().Format(time.RFC3339) }},
}

// shortPolicies are the names of policies.
func shortPolicies(arns []string) []string {
	out := make([]string, len(arns))
	for i, arn := range arns {
		out[i] = arn[strings.LastIndexByte(arn, '/')+1:]
	}
	return out
}
