// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newUserCreate(a *app) *cobra.Command {
	var req admin.UserCreateRequest
	var profile string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make an IAM user with an access key, which is shown once", Args: exactArgs("NAME"),
		Long: "Make an IAM user of an account with an access key. The secret is shown this once, or goes into the AWS CLI's files with\n" +
			"--profile. Without --admin and --policy the user may do nothing until policies are attached.",
		Example: "  hive user create alice --admin --profile hive-alice\n  hive user create ci --policy AmazonEC2FullAccess --policy arn:aws:iam::000000000001:policy/buckets",
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Name = args[0]
			if profile != "" && req.NoKey {
				return admin.Errorf(admin.KindUsage, "leave --no-key out", "a profile needs an access key")
			}
			if profile != "" {
				if err := profileIsFree(profile); err != nil {
					return err
				}
			}
			client, err := a.client()
			if err != nil {
				return err
			}
			made, err := client.UserCreate(a.withTimeout(cmd.Context()), req)
			if err != nil {
				return err
			}
			if profile != "" {
				if err := writeProfile(profile, made); err != nil {
					return err
				}
				a.note("%s: aws --profile %s sts get-caller-identity", made.User.ARN, profile)
				return nil
			}
			return printItem(a, "NewUser", made, newUserLines)
		},
	}
	f := cmd.Flags()
	f.StringVar(&req.Account, "account", "", "account, by id or name; the first one by default")
	f.BoolVar(&req.Admin, "admin", false, "attach AdministratorAccess")
	f.StringArrayVar(&req.Policies, "policy", nil, "policy to attach, by name or ARN; may be repeated")
	f.BoolVar(&req.NoKey, "no-key", false, "make no access key")
	f.StringVar(&profile, "profile", "", "write the key to this profile of the AWS CLI instead of showing it")
	return cmd
}

var newUserLines = []column[admin.NewUser]{
	{"Account", false, func(n admin.NewUser) string { return n.User.Account }},
	{"User", false, func(n admin.NewUser) string { return n.User.Name }},
	{"Arn", false, func(n admin.NewUser) string { return n.User.ARN }},
	{"Policies", false, func(n admin.NewUser) string { return strings.Join(shortPolicies(n.User.Policies), ", ") }},
	{"AccessKeyId", false, func(n admin.NewUser) string {
		if n.Credentials == nil {
			return ""
		}
		return n.Credentials.AccessKeyID
	}},
	{"SecretAccessKey", false, func(n admin.NewUser) string {
		if n.Credentials == nil {
			return ""
		}
		return n.Credentials.SecretAccessKey
	}},
}

// awsFiles are the AWS CLI's files, where the environment says they are.
func awsFiles() (config, credentials string, err error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return "", "", fmt.Errorf("find the home directory: %w", err)
	}
	config, credentials = os.Getenv("AWS_CONFIG_FILE"), os.Getenv("AWS_SHARED_CREDENTIALS_FILE")
	if config == "" {
		config = filepath.Join(home, ".aws", "config")
	}
	if credentials == "" {
		credentials = filepath.Join(home, ".aws", "credentials")
	}
	return config, credentials, nil
}

// profileIsFree refuses a profile that the files have: it might be all that somebody has of other keys.
func profileIsFree(name string) error {
	if strings.ContainsAny(name, "[]\r\n") || strings.TrimSpace(name) != name {
		return admin.Errorf(admin.KindUsage, "choose letters, digits and dashes", "%q is no name of a profile", name)
	}
	config, credentials, err := awsFiles()
	if err != nil {
		return err
	}
	for file, section := range map[string]string{config: "[profile " + name + "]", credentials: "[" + name + "]"} {
		text, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("read the AWS CLI's files: %w", err)
		}
		for line := range strings.Lines(string(text)) {
			if strings.TrimSpace(line) == section {
				return admin.Errorf(admin.KindConflict, "choose another name, or remove the section", "%s has a section %s", file, section)
			}
		}
	}
	return nil
}

// writeProfile adds a profile to the AWS CLI's files; what they hold stays as it is.
func writeProfile(name string, made admin.NewUser) error {
	config, credentials, err := awsFiles()
	if err != nil {
		return err
	}
	if err := appendTo(credentials, fmt.Sprintf("[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n", name, made.Credentials.AccessKeyID, made.Credentials.SecretAccessKey)); err != nil {
		return err
	}
	return appendTo(config, fmt.Sprintf("[profile %s]\nregion = %s\nendpoint_url = %s\nca_bundle = %s\n", name, made.Region, made.Endpoint, made.CABundle))
}

func appendTo(file, text string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("write the AWS CLI's files: %w", err)
	}
	old, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write the AWS CLI's files: %w", err)
	}
	if len(old) > 0 {
		text = "\n" + text
		if old[len(old)-1] != '\n' {
			text = "\n" + text
		}
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write the AWS CLI's files: %w", err)
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write the AWS CLI's files: %w", err)
	}
	return nil
}
