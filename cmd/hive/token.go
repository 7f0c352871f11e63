// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newToken(a *app) *cobra.Command {
	return group("token", "Let machines join the cluster", newTokenCreate(a), newTokenList(a), newTokenRevoke(a))
}

var tokenColumns = []column[admin.JoinToken]{
	{"TOKEN", false, func(t admin.JoinToken) string { return t.ID }},
	{"STATE", false, func(t admin.JoinToken) string { return t.State }},
	{"USED", false, func(t admin.JoinToken) string { return strconv.Itoa(t.Used) + " of " + strconv.Itoa(t.Uses) }},
	{"EXPIRES", false, func(t admin.JoinToken) string { return t.ExpiresAt.Format("2006-01-02 15:04:05 UTC") }},
	{"NOTE", false, func(t admin.JoinToken) string { return t.Note }},
}
