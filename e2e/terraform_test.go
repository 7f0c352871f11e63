// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// terraformConfig has nothing but the region: endpoint, CA and keys come from the environment. Type is a variable, so
// that the second apply changes it.
const terraformConfig = `
terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "5.100.0" }
  }
}
provider "aws" {}
variable "type" { default = "t3.nano" }
variable "image" {}
variable "public_key" {}
resource "aws_key_pair" "k" {
  key_name   = "tf-key"
  public_key = var.public_key
  tags       = { made_by = "terraform" }
}
resource "aws_instance" "i" {
  ami           = var.image
  instance_type = var.type
  key_name      = aws_key_pair.k.key_name
  user_data     = "#!/bin/sh\necho hello\n"
  root_block_device {
    volume_size = 2
    volume_type = "gp3"
    tags        = { role = "root" }
  }
  tags = { Name = "tf" }
}
output "id" { value = aws_instance.i.id }
`

// terraform runs terraform in a directory.
type terraform struct {
	dir string
	env []string
}

func (tf terraform) run(t *testing.T, wantExit int, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "terraform", args...)
	cmd.Dir, cmd.Env = tf.dir, tf.env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if code := cmd.ProcessState.ExitCode(); code != wantExit {
		t.Fatalf("terraform %s: exit code %d, want %d (%v)\n%s", strings.Join(args, " "), code, wantExit, err, out.String())
	}
	return strings.TrimSpace(out.String())
}

// offline returns a CLI configuration that takes providers from a mirror on this machine, when there is one below
// /opt; "" when Terraform is to do what it does by itself.
func offline(t *testing.T) string {
	t.Helper()
	mirrors, err := filepath.Glob("/opt/*/registry.terraform.io/hashicorp/aws/5.100.0")
	if err != nil {
		t.Fatal(err)
	}
	if len(mirrors) == 0 {
		return ""
	}
	root, _, _ := strings.Cut(mirrors[0], "/registry.terraform.io/")
	file := filepath.Join(t.TempDir(), "terraformrc")
	text := fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", root)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestTerraform_KeyPairAndInstance applies, plans without a difference, changes the type (stop, modify, start) and
// destroys, with the unmodified provider and no skip flags.
func TestTerraform_KeyPairAndInstance(t *testing.T) {
	if _, err := exec.LookPath("terraform"); err != nil {
		t.Fatal("terraform is not installed: https://developer.hashicorp.com/terraform/install")
	}
	r := shared
	tf := terraform{dir: t.TempDir()}
	line := strings.TrimSpace(string(marshalKey(r.signer)))
	tf.env = append(append(os.Environ(), r.node.env...), "TF_IN_AUTOMATION=1", "TF_INPUT=0", "CHECKPOINT_DISABLE=1", "TF_VAR_image="+r.image, "TF_VAR_public_key="+line)
	if config := offline(t); config != "" {
		tf.env = append(tf.env, "TF_CLI_CONFIG_FILE="+config)
	}
	if err := os.WriteFile(filepath.Join(tf.dir, "main.tf"), []byte(terraformConfig), 0o644); err != nil {
		t.Fatal(err)
	}
	tf.run(t, 0, "init", "-no-color")
	tf.run(t, 0, "apply", "-auto-approve", "-no-color")
	id := tf.run(t, 0, "output", "-raw", "id")
	if i := r.reach(t, id, "running"); dig(i, "InstanceType") != "t3.nano" {
		t.Fatalf("applied instance: %v", i)
	}
	tf.run(t, 0, "plan", "-detailed-exitcode", "-no-color") // 2 would be a difference
	tf.env = append(tf.env, "TF_VAR_type=t3.micro")
	tf.run(t, 0, "apply", "-auto-approve", "-no-color")
	if i := r.reach(t, id, "running"); dig(i, "InstanceType") != "t3.micro" {
		t.Fatalf("instance after the change of type: %v", i)
	}
	tf.run(t, 0, "plan", "-detailed-exitcode", "-no-color")
	tf.run(t, 0, "destroy", "-auto-approve", "-no-color")
	r.reach(t, id, "terminated")
	if out := r.ok(t, "DescribeKeyPairs", params{"Filters": list{params{"Name": "key-name", "Values": list{"tf-key"}}}}); len(dig(out, "KeyPairs").([]any)) != 0 {
		t.Fatalf("key pair outlived destroy: %v", out)
	}
}
