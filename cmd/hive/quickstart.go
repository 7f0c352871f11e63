// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/quickstart"
)

// microUser is the login of the micro image.
const microUser = "ec2-user"

// started is what hive quickstart prints.
type started struct {
	ImageID    string            `json:"imageId"`
	InstanceID string            `json:"instanceId"`
	KeyFile    string            `json:"keyFile"`
	SSH        string            `json:"ssh"`
	Env        admin.Environment `json:"env"`
}

func newQuickstart(a *app) *cobra.Command {
	var dir, cache, instanceType, envFile string
	cmd := &cobra.Command{
		Use: "quickstart", Short: "Launch a small guest and wait until you can log in", Args: exactArgs(),
		Long: "Build and import the micro image when the region has none, create a key pair, launch a guest through\n" +
			"the public API and wait until its SSH server lets you in. A second run uses what is there.",
		Example: "  hive quickstart\n  hive quickstart --env-file .dev/env",
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			if dir, err = filepath.Abs(dir); err != nil {
				return fmt.Errorf("find directory: %w", err)
			}
			s, err := startGuest(a.withTimeout(cmd.Context()), a, client, guestPlan{dir, cache, instanceType})
			if err != nil {
				return err
			}
			if envFile != "" {
				if err := writeEnvFile(envFile, s); err != nil {
					return err
				}
			}
			return printStarted(a, s)
		},
	}
	a.timeoutDefault(cmd, 10*time.Minute)
	cmd.Flags().StringVar(&dir, "dir", ".", "directory of the private key file")
	cmd.Flags().StringVar(&cache, "cache", userCache(), "directory that keeps the built micro image")
	cmd.Flags().StringVar(&instanceType, "type", "t3.micro", "instance type")
	cmd.Flags().StringVar(&envFile, "env-file", "", "also write shell exports of everything to this file")
	return cmd
}

// guestPlan says where the pieces of a quickstart lie.
type guestPlan struct{ keyDir, cache, instanceType string }

func userCache() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "hive")
}

func startGuest(ctx context.Context, a *app, client *admin.Client, plan guestPlan) (started, error) {
	status, err := client.Status(ctx)
	if err != nil {
		return started{}, err
	}
	if status.Accelerator.Name == "simulated" {
		return started{}, admin.Errorf(admin.KindConflict, "aws ec2 run-instances launches simulated guests; a region whose agents run without --simulate-guests has real ones",
			"the guests of this region are simulated: nobody can log in")
	}
	env, err := client.Env(ctx, "")
	if err != nil {
		return started{}, err
	}
	image, err := ensureMicroImage(ctx, a, client, plan.cache)
	if err != nil {
		return started{}, err
	}
	guest, err := quickstart.Run(ctx, quickstart.Config{
		Endpoint: env.Endpoint, CABundle: env.CABundle, Region: env.Region,
		AccessKeyID: env.AccessKeyID, SecretAccessKey: env.SecretAccessKey,
		ImageID: image, InstanceType: plan.instanceType, User: microUser, KeyDir: plan.keyDir,
		Address:  func(ctx context.Context, id string) (string, error) { return sshAddress(ctx, client, id) },
		Progress: func(step string) { a.note("%s", step) },
	})
	if errors.Is(err, context.DeadlineExceeded) {
		return started{}, admin.Errorf(admin.KindTimeout, "hive instance list shows the guest, hive instance console INSTANCE its boot log", "%w", err)
	}
	if err != nil {
		return started{}, err
	}
	return started{ImageID: image, InstanceID: guest.InstanceID, KeyFile: guest.KeyFile, SSH: guest.Command(), Env: env}, nil
}

// sshAddress asks the agent where it serves the guest's port 22.
func sshAddress(ctx context.Context, client *admin.Client, id string) (string, error) {
	instance, err := client.Instance(ctx, id)
	if err != nil {
		return "", err
	}
	if address := instance.Ports["22"]; address != "" {
		return address, nil
	}
	return "", admin.Errorf(admin.KindConflict, "add 22 to network.public_ports", "port 22 of %s is not served yet", id)
}

// writeEnvFile writes what scripts need; it holds a secret, so it is private.
func writeEnvFile(path string, s started) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write environment file: %w", err)
	}
	defer f.Close()
	pairs := append(envPairs(s.Env), pair{"HIVE_AMI", s.ImageID}, pair{"HIVE_INSTANCE", s.InstanceID}, pair{"HIVE_SSH", s.SSH})
	if err := printExports(f, "posix", pairs); err != nil {
		return fmt.Errorf("write environment file: %w", err)
	}
	return f.Close()
}

func printStarted(a *app, s started) error {
	if a.output != "table" && a.output != "wide" {
		return printItem(a, "Quickstart", s, nil)
	}
	if err := printExports(a.stdout, "posix", envPairs(s.Env)); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.stdout, "\nimage     %s\ninstance  %s\n%s\n", s.ImageID, s.InstanceID, s.SSH)
	return err
}
