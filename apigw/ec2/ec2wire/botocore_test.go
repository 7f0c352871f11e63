// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package ec2wire_test

import (
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// TestBotocore drives the gateway with the client that the AWS CLI is made of: it matches element names case-sensitively
// and signs without the Go SDK's habits.
func TestBotocore(t *testing.T) {
	t.Parallel()
	server, _ := newServer(t)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "python3", "testdata/client.py", server.URL, ca)
	cmd.Stderr = os.Stderr
	raw, err := cmd.Output()
	if err != nil {
		t.Fatalf("run botocore: %v", err)
	}
	var seen struct {
		All, Filtered, Nothing, Deleted, Malformed, Unsupported, Panic struct {
			Status        int
			ID            string
			Code, Message string
			Answer        struct{ Volumes []map[string]any }
		}
		Pages  []int
		DryRun struct {
			Status int
			Code   string
		} `json:"dry run"`
		Huge struct {
			Status int
			Code   string
		}
		UnknownAction struct {
			Status int
			Code   string
		} `json:"unknown action"`
		Get  struct{ Status, Volumes int } `json:"presigned GET"`
		Post struct{ Status, Volumes int } `json:"presigned POST"`
	}
	if err := json.Unmarshal(raw, &seen); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	if v := seen.All.Answer.Volumes; len(v) != 12 || v[3]["VolumeId"] != "vol-00000000000000003" || v[3]["CreateTime"] != "2001-09-09 01:46:40.123000+00:00" ||
		v[3]["Tags"].([]any)[0].(map[string]any)["Value"] != "v3" {
		t.Errorf("all: %v", v)
	}
	if len(seen.All.ID) != 36 || len(seen.Malformed.ID) != 36 {
		t.Errorf("request ids %q, %q", seen.All.ID, seen.Malformed.ID)
	}
	if len(seen.Filtered.Answer.Volumes) != 2 {
		t.Errorf("filtered: %v", seen.Filtered)
	}
	if v := seen.Nothing.Answer.Volumes; v == nil || len(v) != 0 {
		t.Errorf("nothing: %v", v)
	}
	if !slices.Equal(seen.Pages, []int{5, 5, 2}) {
		t.Errorf("pages: %v", seen.Pages)
	}
	if seen.DryRun.Status != 412 || seen.DryRun.Code != "DryRunOperation" || seen.Deleted.Status != 200 {
		t.Errorf("dry run: %+v, deleted: %+v", seen.DryRun, seen.Deleted)
	}
	if seen.Malformed.Status != 400 || seen.Malformed.Code != "InvalidVolumeID.Malformed" {
		t.Errorf("malformed: %+v", seen.Malformed)
	}
	if seen.Unsupported.Message != "The parameter KernelId is not supported by Hive" || seen.Panic.Code != "InternalError" || seen.UnknownAction.Code != "InvalidAction" {
		t.Errorf("unsupported: %+v, panic: %+v, unknown action: %+v", seen.Unsupported, seen.Panic, seen.UnknownAction)
	}
	if seen.Huge.Status != 413 || seen.Huge.Code != "RequestEntityTooLarge" {
		t.Errorf("huge: %+v", seen.Huge)
	}
	if seen.Get.Status != 200 || seen.Get.Volumes != 5 || seen.Post != seen.Get {
		t.Errorf("presigned: GET %+v, POST %+v", seen.Get, seen.Post)
	}
}
