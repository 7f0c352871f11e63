// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"maps"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

var impairedReason = state.Reason{Code: "impaired", Message: "the guest panicked"}

// change is a state change as text: "i-1 running>stopping".
func change(list []types.InstanceStateChange) string {
	text := ""
	for _, c := range list {
		text += *c.InstanceId + " " + string(c.PreviousState.Name) + ">" + string(c.CurrentState.Name) + ";"
	}
	return text
}

func TestInstancesStopStartRebootTerminate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.run(t, alice, 1)[0]
	list := []string{id}
	stop := func(in *sdk.StopInstancesInput) string {
		t.Helper()
		in.InstanceIds = list
		out, err := w.svc.StopInstances(w.as(t, alice, "StopInstances"), in)
		if err != nil {
			t.Fatal(err)
		}
		return change(out.StoppingInstances)
	}
	start := func() string {
		t.Helper()
		out, err := w.svc.StartInstances(w.as(t, alice, "StartInstances"), &sdk.StartInstancesInput{InstanceIds: list})
		if err != nil {
			t.Fatal(err)
		}
		return change(out.StartingInstances)
	}
	check := func(what, got, want string) {
		t.Helper()
		if got != id+" "+want+";" {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
	check("start of a running instance", start(), "running>running")
	if _, err := w.svc.RebootInstances(w.as(t, alice, "RebootInstances"), &sdk.RebootInstancesInput{InstanceIds: list}); err != nil {
		t.Errorf("reboot: %v", err)
	}
	check("stop", stop(&sdk.StopInstancesInput{}), "running>stopping")
	check("forced stop of a stopping instance", stop(&sdk.StopInstancesInput{SkipOsShutdown: ptr(true)}), "stopping>stopping")
	if !w.row(t, id).Force {
		t.Error("a stop that skips the guest's shutdown asks the guest")
	}
	_, err := w.svc.StartInstances(w.as(t, alice, "StartInstances"), &sdk.StartInstancesInput{InstanceIds: list})
	wantError(t, err, "IncorrectInstanceState", "The instance '"+id+"' is not in a state from which it can be started.")
	w.Observe(t, id, command.SawStopped)
	check("stop of a stopped instance", stop(&sdk.StopInstancesInput{}), "stopped>stopped")
	_, err = w.svc.RebootInstances(w.as(t, alice, "RebootInstances"), &sdk.RebootInstancesInput{InstanceIds: list})
	wantError(t, err, "IncorrectInstanceState", "")
	check("start", start(), "stopped>pending")
	w.terminate(t, alice, id)
	out, err := w.svc.TerminateInstances(w.as(t, alice, "TerminateInstances"), &sdk.TerminateInstancesInput{InstanceIds: list})
	if err != nil {
		t.Fatal(err)
	}
	check("terminate again", change(out.TerminatingInstances), "terminated>terminated")
	if _, err := w.svc.RebootInstances(w.as(t, alice, "RebootInstances"), &sdk.RebootInstancesInput{InstanceIds: list}); err != nil {
		t.Errorf("reboot of a terminated instance is ignored, got %v", err)
	}
}

func TestProtectedInstancesStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.run(t, alice, 1, func(in *sdk.RunInstancesInput) { in.DisableApiTermination, in.DisableApiStop = ptr(true), ptr(true) })[0]
	_, err := w.svc.TerminateInstances(w.as(t, alice, "TerminateInstances"), &sdk.TerminateInstancesInput{InstanceIds: []string{id}})
	wantError(t, err, "OperationNotPermitted", "The instance '"+id+"' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.")
	_, err = w.svc.StopInstances(w.as(t, alice, "StopInstances"), &sdk.StopInstancesInput{InstanceIds: []string{id}})
	wantError(t, err, "OperationNotPermitted", "The instance '"+id+"' may not be stopped. Modify its 'disableApiStop' instance attribute and try again.")
	if s := w.row(t, id).State; s != state.Running {
		t.Errorf("got state %v", s)
	}
}

func TestProtectionSavesTheInstancesOfItsZoneOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(t, command.RegisterNode{Node: state.Node{FormatLevel: state.FormatLevel, ID: "n-b", Name: "b", Zone: "eu-test-1b", Caps: []string{"ec2"}, Types: []string{"t3.micro"},
		Physical: state.Resources{MilliCPU: 8000, MemoryMiB: 1 << 16}, Schedulable: state.Resources{MilliCPU: 8000, MemoryMiB: 1 << 16}}})
	protected := w.run(t, alice, 1, func(in *sdk.RunInstancesInput) { in.DisableApiTermination = ptr(true) })[0]
	neighbour := w.run(t, alice, 1)[0]
	elsewhere := w.placed(t, alice, "n-b", "eu-test-1b")
	_, err := w.svc.TerminateInstances(w.as(t, alice, "TerminateInstances"), &sdk.TerminateInstancesInput{InstanceIds: []string{protected, neighbour, elsewhere}})
	wantError(t, err, "OperationNotPermitted", "")
	for id, want := range map[string]state.InstanceState{protected: state.Running, neighbour: state.Running, elsewhere: state.ShuttingDown} {
		if got := w.row(t, id).State; got != want {
			t.Errorf("%s is %v, want %v", id, got, want)
		}
	}
}

// instanceActions are the actions that take instance ids, called by alice.
func instanceActions(t *testing.T, w *world) map[string]func(ids []string) error {
	t.Helper()
	all := stateActions(t, w)
	maps.Copy(all, optionActions(t, w))
	return all
}

func stateActions(t *testing.T, w *world) map[string]func(ids []string) error {
	return map[string]func(ids []string) error{
		"StartInstances": func(ids []string) error {
			_, err := w.svc.StartInstances(w.as(t, alice, "x"), &sdk.StartInstancesInput{InstanceIds: ids})
			return err
		},
		"StopInstances": func(ids []string) error {
			_, err := w.svc.StopInstances(w.as(t, alice, "x"), &sdk.StopInstancesInput{InstanceIds: ids})
			return err
		},
		"RebootInstances": func(ids []string) error {
			_, err := w.svc.RebootInstances(w.as(t, alice, "x"), &sdk.RebootInstancesInput{InstanceIds: ids})
			return err
		},
		"TerminateInstances": func(ids []string) error {
			_, err := w.svc.TerminateInstances(w.as(t, alice, "x"), &sdk.TerminateInstancesInput{InstanceIds: ids})
			return err
		},
		"MonitorInstances": func(ids []string) error {
			_, err := w.svc.MonitorInstances(w.as(t, alice, "x"), &sdk.MonitorInstancesInput{InstanceIds: ids})
			return err
		},
		"UnmonitorInstances": func(ids []string) error {
			_, err := w.svc.UnmonitorInstances(w.as(t, alice, "x"), &sdk.UnmonitorInstancesInput{InstanceIds: ids})
			return err
		},
	}
}

func optionActions(t *testing.T, w *world) map[string]func(ids []string) error {
	return map[string]func(ids []string) error{
		"DescribeInstanceAttribute": func(ids []string) error {
			_, err := w.svc.DescribeInstanceAttribute(w.as(t, alice, "x"), &sdk.DescribeInstanceAttributeInput{InstanceId: first(ids), Attribute: "userData"})
			return err
		},
		"ModifyInstanceAttribute": func(ids []string) error {
			_, err := w.svc.ModifyInstanceAttribute(w.as(t, alice, "x"), &sdk.ModifyInstanceAttributeInput{InstanceId: first(ids), DisableApiStop: attributeFlag(true)})
			return err
		},
		"ResetInstanceAttribute": func(ids []string) error {
			_, err := w.svc.ResetInstanceAttribute(w.as(t, alice, "x"), &sdk.ResetInstanceAttributeInput{InstanceId: first(ids), Attribute: "sourceDestCheck"})
			return err
		},
		"ModifyInstanceMetadataOptions": func(ids []string) error {
			_, err := w.svc.ModifyInstanceMetadataOptions(w.as(t, alice, "x"), &sdk.ModifyInstanceMetadataOptionsInput{InstanceId: first(ids)})
			return err
		},
		"ModifyInstanceMaintenanceOptions": func(ids []string) error {
			_, err := w.svc.ModifyInstanceMaintenanceOptions(w.as(t, alice, "x"), &sdk.ModifyInstanceMaintenanceOptionsInput{InstanceId: first(ids)})
			return err
		},
		"ModifyInstanceCpuOptions": func(ids []string) error {
			_, err := w.svc.ModifyInstanceCpuOptions(w.as(t, alice, "x"), &sdk.ModifyInstanceCpuOptionsInput{InstanceId: first(ids)})
			return err
		},
		"GetConsoleOutput": func(ids []string) error {
			_, err := w.svc.GetConsoleOutput(w.as(t, alice, "x"), &sdk.GetConsoleOutputInput{InstanceId: first(ids)})
			return err
		},
		"GetConsoleScreenshot": func(ids []string) error {
			_, err := w.svc.GetConsoleScreenshot(w.as(t, alice, "x"), &sdk.GetConsoleScreenshotInput{InstanceId: first(ids)})
			return err
		},
		"GetInstanceUefiData": func(ids []string) error {
			_, err := w.svc.GetInstanceUefiData(w.as(t, alice, "x"), &sdk.GetInstanceUefiDataInput{InstanceId: first(ids)})
			return err
		},
	}
}

// Every action that takes instance ids refuses them alike.
func TestActionsOnInstancesRefuseIDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	theirs := w.run(t, bob, 1)[0]
	for name, act := range instanceActions(t, w) {
		t.Run(name, func(t *testing.T) {
			wantError(t, act(nil), "MissingParameter", "The request must contain the parameter InstanceId")
			wantError(t, act([]string{"i-xyz"}), "InvalidInstanceID.Malformed", `Invalid id: "i-xyz" (expecting "i-...")`)
			wantError(t, act([]string{"i-0123456789abcdef0"}), "InvalidInstanceID.NotFound", "The instance ID 'i-0123456789abcdef0' does not exist")
			wantError(t, act([]string{theirs}), "InvalidInstanceID.NotFound", "The instance ID '"+theirs+"' does not exist")
		})
	}
	if s := w.row(t, theirs).State; s != state.Running {
		t.Errorf("another account's instance is %v", s)
	}
}

func TestDryRunsOfStateChangesChangeNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.run(t, alice, 1)[0]
	before := w.FSM.Hash()
	ctx := w.as(t, alice, "TerminateInstances")
	apigw.CallFrom(ctx).DryRun = true
	_, err := w.svc.TerminateInstances(ctx, &sdk.TerminateInstancesInput{InstanceIds: []string{id}})
	wantError(t, err, "DryRunOperation", "")
	if w.FSM.Hash() != before {
		t.Error("a dry run changed the state")
	}
}

func TestMonitoringSwitches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.run(t, alice, 1)[0]
	on, err := w.svc.MonitorInstances(w.as(t, alice, "MonitorInstances"), &sdk.MonitorInstancesInput{InstanceIds: []string{id}})
	if err != nil || on.InstanceMonitorings[0].Monitoring.State != "enabled" || !w.row(t, id).Monitoring {
		t.Errorf("monitor: got %+v, %v", on, err)
	}
	off, err := w.svc.UnmonitorInstances(w.as(t, alice, "UnmonitorInstances"), &sdk.UnmonitorInstancesInput{InstanceIds: []string{id}})
	if err != nil || off.InstanceMonitorings[0].Monitoring.State != "disabled" || w.row(t, id).Monitoring {
		t.Errorf("unmonitor: got %+v, %v", off, err)
	}
}

func first(ids []string) *string {
	if len(ids) == 0 {
		return nil
	}
	return &ids[0]
}
