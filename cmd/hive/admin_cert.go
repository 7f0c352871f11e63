// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newAdminCert(a *app) *cobra.Command {
	return group("cert", "Look at, renew and rotate certificates and their authorities", newAdminCertList(a), newAdminCertRenew(a), newAdminCertRotate(a))
}

func newAdminCertList(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the certificates that this node uses and trusts", Args: exactArgs(),
		Long: "List the certificates that this node uses and trusts. Its own renew themselves at two thirds of their life.\n" +
			"Two authorities of one name are there while one replaces the other.",
		Example: "  hive admin cert list -o wide",
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			all, err := client.Certificates(a.withTimeout(cmd.Context()))
			if err != nil {
				return err
			}
			return printList(a, "Certificate", all, certificateColumns)
		},
	}
}

func newAdminCertRenew(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "renew", Short: "Renew this node's own certificates now", Args: exactArgs(),
		Long:    "Renew this node's own certificates now, for the names and addresses that it has today. The keys stay the same.",
		Example: "  hive admin cert renew",
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			all, err := client.CertificateRenew(a.withTimeout(cmd.Context()))
			if err != nil {
				return err
			}
			return printList(a, "Certificate", all, certificateColumns)
		},
	}
}

var certificateColumns = []column[admin.Certificate]{
	{"NAME", false, func(c admin.Certificate) string { return c.Name }},
	{"SUBJECT", false, func(c admin.Certificate) string { return c.Subject }},
	{"ISSUED", true, func(c admin.Certificate) string { return c.Issued.Format(time.DateOnly) }},
	{"EXPIRES", false, func(c admin.Certificate) string { return c.Expires.Format(time.DateOnly) }},
	{"STATE", false, func(c admin.Certificate) string {
		if c.InForce {
			return "in force"
		}
		return "trusted too"
	}},
	{"SHA-256", false, func(c admin.Certificate) string { return c.SHA256[:16] }},
	{"SIGNED BY", true, func(c admin.Certificate) string { return c.SignedBy[:min(16, len(c.SignedBy))] }},
	{"FILE", true, func(c admin.Certificate) string { return c.File }},
}
