// SPDX-License-Identifier: Apache-2.0

package fsm_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
)

// launchIn is a launch of one instance of an account.
func launchIn(account, image, id, kind string, vcpus int) command.RunInstances {
	subnet := "subnet-0" + account + "000a"
	return command.RunInstances{AccountID: account, MinCount: 1, Launches: []command.Launch{{
		Instance: state.Instance{ID: "i-" + id, AccountID: account, ReservationID: "r-" + id, ImageID: image, Zone: fsmtest.Zone, Type: kind, SubnetID: subnet, VPCID: "vpc-0" + account + "0000",
			Shape: state.Shape{VCPUs: vcpus, MemoryMiB: 512}, Devices: []state.Device{{Name: "/dev/sda1", VolumeID: "vol-" + id, DeleteOnTermination: true}}},
		Interface: state.NetworkInterface{ID: "eni-" + id, SubnetID: subnet, DeleteOnTermination: true},
		Volumes:   []state.Volume{{ID: "vol-" + id, SizeGiB: 8, Type: "io1", IOPS: 100}},
	}}}
}

func refusalOf(err error) string {
	var c *command.Error
	if errors.As(err, &c) {
		return c.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func TestQuotasHold_Under100ConcurrentLaunches(t *testing.T) {
	t.Parallel()
	const acct, other = "111111111111", "222222222222"
	for quota, c := range map[string]struct {
		value int64
		code  string
		fit   int
	}{
		"vcpus-standard": {14, "VcpuLimitExceeded", 7},
		"instances":      {5, "InstanceLimitExceeded", 5},
		"volumes":        {6, "VolumeLimitExceeded", 6},
		"storage-gib":    {8*4 + 7, "VolumeLimitExceeded", 4},
		"iops-io1":       {350, "MaxIOPSLimitExceeded", 3},
	} {
		r := fsmtest.NewRegion(t)
		r.AddAccount(t, acct)
		r.AddAccount(t, other)
		image := r.AddImage(t, acct, "image", 8)
		if err := r.Propose(t.Context(), command.SetQuota{AccountID: acct, Code: quota, Value: c.value}, nil); err != nil {
			t.Fatal(err)
		}
		var wait sync.WaitGroup
		var mu sync.Mutex
		got := map[string]int{}
		for n := range 100 {
			wait.Go(func() {
				err := r.Propose(t.Context(), launchIn(acct, image, fmt.Sprintf("%017x", n), "t3.nano", 2), nil)
				mu.Lock()
				defer mu.Unlock()
				got[refusalOf(err)]++
			})
		}
		wait.Wait()
		if got[""] != c.fit || got[c.code] != 100-c.fit {
			t.Errorf("%s %d: %v, want %d launches and %s", quota, c.value, got, c.fit, c.code)
		}
		foreign := r.AddImage(t, other, "image", 8)
		if err := r.Propose(t.Context(), launchIn(other, foreign, "ffffffffffffffff0", "t3.nano", 2), nil); err != nil {
			t.Errorf("%s: the other account is refused too: %v", quota, err)
		}
	}
}

func TestAccountIsRemoved_InSteps_WithEverything(t *testing.T) {
	t.Parallel()
	const acct, other = "111111111111", "222222222222"
	r := fsmtest.NewRegion(t)
	r.AddAccount(t, other)
	before := rowsOf(r.Local())
	r.AddAccount(t, acct)
	image := r.AddImage(t, acct, "image", 8)
	do := func(c command.Command, code string) {
		t.Helper()
		if got := refusalOf(r.Propose(t.Context(), c, nil)); got != code {
			t.Fatalf("%T: got %q, want %q", c, got, code)
		}
	}
	do(launchIn(acct, image, "00000000000000001", "t3.nano", 2), "")
	do(command.CreateKMSKey{Alias: "alias/x", Key: state.KMSKey{ID: "k-1", AccountID: acct, Manager: "CUSTOMER", Materials: []state.KMSMaterial{{Box: []byte{1}}}}}, "")
	do(command.PutServiceControlPolicy{Policy: state.ServiceControlPolicy{ID: "p-1", Name: "one", Document: "{}"}}, "")
	do(command.AttachServiceControlPolicy{PolicyID: "p-1", AccountID: acct}, "")
	do(command.AttachServiceControlPolicy{PolicyID: "p-1", AccountID: acct}, "DuplicatePolicyAttachmentException")
	do(command.AttachServiceControlPolicy{PolicyID: state.FullAccess, AccountID: acct, Detach: true}, "")
	do(command.DeleteServiceControlPolicy{PolicyID: "p-1"}, "PolicyInUseException")
	do(command.SetQuota{AccountID: acct, Code: "instances", Value: 3}, "")
	do(command.SetAccountStatus{AccountID: acct, Status: state.AccountClosing}, "ConstraintViolationException")
	do(command.RemoveAccount{AccountID: acct}, "ConstraintViolationException")
	do(command.SetAccountStatus{AccountID: acct, Status: state.AccountSuspended}, "")
	do(launchIn(acct, image, "00000000000000002", "t3.nano", 2), "OptInRequired")
	do(command.SetAccountStatus{AccountID: acct, Status: state.AccountActive}, "")
	do(command.SetAccountStatus{AccountID: acct, Status: state.AccountSuspended}, "")
	do(command.SetAccountStatus{AccountID: acct, Status: state.AccountClosing}, "")
	do(command.SetAccountStatus{AccountID: acct, Status: state.AccountActive}, "ConstraintViolationException")
	do(command.RemoveAccount{AccountID: acct}, "ConstraintViolationException") // the instance is there
	do(command.TerminateInstances{AccountID: acct, InstanceIDs: []string{"i-00000000000000001"}}, "")
	r.Observe(t, "i-00000000000000001", command.SawTerminated)
	do(command.RemoveAccount{AccountID: acct}, "ConstraintViolationException") // its volume is being deleted
	do(command.ReportVolumes{NodeID: fsmtest.NodeID, Reports: []command.VolumeReport{{VolumeID: "vol-00000000000000001", State: "deleted"}}}, "")
	do(command.RemoveAccount{AccountID: acct}, "")
	do(command.DeleteServiceControlPolicy{PolicyID: "p-1"}, "")
	after := rowsOf(r.Local())
	for table, n := range after {
		if before[table] != n && table != "requests" && table != "events" && table != "event_heads" {
			t.Errorf("table %s has %d rows, had %d", table, n, before[table])
		}
	}
}

func rowsOf(v *state.View) map[string]int {
	out := map[string]int{}
	for _, t := range state.Tables() {
		out[t.Name()] = t.Count(v)
	}
	return out
}
