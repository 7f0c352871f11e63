// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newEnv(a *app) *cobra.Command {
	var account, form string
	var profile, terraform bool
	cmd := &cobra.Command{
		Use: "env", Short: "Print what AWS clients need to use this region", Args: exactArgs(),
		Long:    "Print what AWS clients need: endpoint, CA bundle, region and an access key. The default form is\nshell exports; --profile is a profile for ~/.aws/config, --terraform a provider block.",
		Example: "  eval \"$(hive env)\"\n  hive env --profile >> ~/.aws/config",
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			env, err := client.Env(a.withTimeout(cmd.Context()), account)
			if err != nil {
				return err
			}
			return printEnv(a, env, form, profile, terraform)
		},
	}
	cmd.Flags().StringVar(&account, "account", "", "account whose key is printed (default: the first one)")
	cmd.Flags().StringVar(&form, "shell", "posix", "shell of the exports: posix, fish or powershell")
	cmd.Flags().BoolVar(&profile, "profile", false, "print a profile for ~/.aws/config")
	cmd.Flags().BoolVar(&terraform, "terraform", false, "print a Terraform provider block")
	cmd.MarkFlagsMutuallyExclusive("shell", "profile", "terraform")
	return cmd
}

func printEnv(a *app, env admin.Environment, shell string, profile, terraform bool) error {
	switch {
	case a.output != "table" && a.output != "wide":
		return printItem(a, "Environment", env, nil)
	case profile:
		_, err := fmt.Fprintf(a.stdout, profileForm, env.Region, env.Endpoint, env.CABundle, env.AccessKeyID, env.SecretAccessKey)
		return err
	case terraform:
		_, err := fmt.Fprintf(a.stdout, terraformForm, env.Region, env.Endpoint, env.CABundle, env.AccessKeyID, env.SecretAccessKey)
		return err
	}
	return printExports(a.stdout, shell, envPairs(env))
}

const profileForm = `[profile hive]
region = %s
endpoint_url = %s
ca_bundle = %s
aws_access_key_id = %s
aws_secret_access_key = %s
s3 =
    addressing_style = path
`

// The provider finds the endpoint and the CA in the environment, so that the
// block names nothing that AWS's own would not.
const terraformForm = `provider "aws" {
  region = %q
}

# The provider reads these from the environment:
#   AWS_ENDPOINT_URL=%s
#   AWS_CA_BUNDLE=%s
#   AWS_ACCESS_KEY_ID=%s
#   AWS_SECRET_ACCESS_KEY=%s
`

// pair is one environment variable.
type pair struct{ name, value string }

func envPairs(env admin.Environment) []pair {
	return []pair{
		{"AWS_ENDPOINT_URL", env.Endpoint}, {"AWS_CA_BUNDLE", env.CABundle}, {"AWS_REGION", env.Region},
		{"AWS_DEFAULT_REGION", env.Region}, // version 1 of the AWS CLI reads no other
		{"AWS_ACCESS_KEY_ID", env.AccessKeyID}, {"AWS_SECRET_ACCESS_KEY", env.SecretAccessKey},
	}
}

func printExports(w io.Writer, shell string, pairs []pair) error {
	forms := map[string]string{"posix": "export %s=%s\n", "fish": "set -gx %s %s;\n", "powershell": "$env:%s = %s\n"}
	form, ok := forms[shell]
	if !ok {
		return admin.Errorf(admin.KindUsage, "use --shell posix, fish or powershell", "unknown shell %q", shell)
	}
	for _, p := range pairs {
		if _, err := fmt.Fprintf(w, form, p.name, quoteFor(shell, p.value)); err != nil {
			return err
		}
	}
	return nil
}

// quoteFor quotes a value for a shell. Single quotes keep everything as it is
// in all three; only the quote itself differs.
func quoteFor(shell, value string) string {
	escaped := map[string]string{"posix": `'\''`, "fish": `\'`, "powershell": `''`}[shell]
	if shell == "fish" {
		value = strings.ReplaceAll(value, `\`, `\\`)
	}
	return "'" + strings.ReplaceAll(value, "'", escaped) + "'"
}
