// SPDX-License-Identifier: Apache-2.0

package executor_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/hivecloud/hive/compute/executor"
	"github.com/hivecloud/hive/compute/executor/simguest"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const account = "111111111111"

// site is a region of one simulated host.
type site struct {
	t      *testing.T
	region *fsmtest.Region
	host   *simguest.Host
	exec   *executor.Executor
	stop   func()
	image  string
}

func newSite(t *testing.T) *site {
	s := &site{t: t, region: fsmtest.NewRegion(t), host: simguest.NewHost(100 << 30)}
	s.region.AddAccount(t, account)
	s.image = s.region.AddImage(t, account, "img", 1)
	image, _ := state.Images.Get(s.region.FSM.View(), account, s.image)
	if err := s.host.AddSnapshot(image.Devices[0].SnapshotID, 1<<30); err != nil {
		t.Fatal(err)
	}
	s.start()
	return s
}

// start runs an executor; an earlier one must have been stopped.
func (s *site) start() {
	s.exec = executor.New(executor.Config{NodeID: fsmtest.NodeID, Region: s.region, Blocks: s.host, Guests: s.host, Clock: s.host.Clock})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.exec.Run(ctx); err != nil {
			s.t.Errorf("run executor: %v", err)
		}
	}()
	s.stop = func() { cancel(); <-done }
}

func (s *site) propose(c command.Command) {
	s.t.Helper()
	if err := s.region.Propose(s.t.Context(), c, nil); err != nil {
		s.t.Fatalf("propose %T: %v", c, err)
	}
}

func (s *site) launch(change func(*command.Launch)) {
	s.t.Helper()
	image, _ := state.Images.Get(s.region.FSM.View(), account, s.image)
	subnet := "subnet-0" + account + "000a"
	l := command.Launch{
		Instance: state.Instance{ID: "i-1", AccountID: account, ImageID: s.image, Zone: fsmtest.Zone, Type: "t3.nano", Shape: state.Shape{VCPUs: 2, MemoryMiB: 512},
			SubnetID: subnet, ShutdownBehavior: "stop", AutoRecovery: "default", RootDevice: "/dev/sda1",
			Devices: []state.Device{{Name: "/dev/sda1", VolumeID: "vol-1", DeleteOnTermination: true}}},
		Interface: state.NetworkInterface{ID: "eni-1", SubnetID: subnet, DeleteOnTermination: true},
		Volumes:   []state.Volume{{ID: "vol-1", SizeGiB: 2, SnapshotID: image.Devices[0].SnapshotID}},
	}
	if change != nil {
		change(&l)
	}
	s.propose(command.RunInstances{AccountID: account, MinCount: 1, Launches: []command.Launch{l}})
}

func (s *site) instance() *state.Instance {
	i, ok := state.Instances.Get(s.region.FSM.View(), account, "i-1")
	if !ok {
		s.t.Fatal("instance i-1 is not in the region")
	}
	return i
}

// reach waits (in virtual time) until the instance is in a state.
func (s *site) reach(want state.InstanceState) *state.Instance {
	s.t.Helper()
	for range 3000 {
		synctest.Wait()
		if i := s.instance(); i.State == want {
			return i
		}
		time.Sleep(100 * time.Millisecond) // virtual
	}
	s.t.Fatalf("instance is %s (%+v), want %s", s.instance().State, s.instance().Reason, want)
	return nil
}

func (s *site) until(what string, ok func() bool) {
	s.t.Helper()
	for range 3000 {
		synctest.Wait()
		if ok() {
			return
		}
		time.Sleep(100 * time.Millisecond) // virtual
	}
	s.t.Fatalf("%s: not within 5 virtual minutes", what)
}

func (s *site) guest() *simguest.Guest {
	s.t.Helper()
	g, ok := s.host.Guest("i-1")
	if !ok {
		s.t.Fatal("no guest of i-1 on the host")
	}
	return g
}

// scenario runs f in a bubble of virtual time with a running instance.
func scenario(t *testing.T, change func(*command.Launch), f func(s *site)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.launch(change)
		s.reach(state.Running)
		f(s)
		s.stop()
	})
}

func TestStopAndStart(t *testing.T) {
	scenario(t, nil, func(s *site) {
		s.propose(command.StopInstances{AccountID: account, InstanceIDs: []string{"i-1"}})
		s.reach(state.Stopped)
		if _, ok := s.host.Guest("i-1"); ok || s.host.Released() == 0 {
			s.t.Fatal("stopped instance still has a guest, or its volume was not released")
		}
		s.propose(command.StartInstances{AccountID: account, InstanceIDs: []string{"i-1"}})
		if i := s.reach(state.Running); i.Epoch != 2 {
			s.t.Fatalf("epoch after second start: %d", i.Epoch)
		}
	})
}

func TestStop_DeafGuestIsForcedAfterGrace(t *testing.T) {
	scenario(t, nil, func(s *site) {
		s.host.SetDeaf(true)
		asked := time.Now()
		s.propose(command.StopInstances{AccountID: account, InstanceIDs: []string{"i-1"}})
		s.reach(state.Stopped)
		if took := time.Since(asked); took < 2*time.Minute {
			s.t.Fatalf("forced after %s, before the grace was over", took)
		}
	})
}

func TestStop_ForceDoesNotAsk(t *testing.T) {
	scenario(t, nil, func(s *site) {
		s.host.SetDeaf(true)
		asked := time.Now()
		s.propose(command.StopInstances{AccountID: account, InstanceIDs: []string{"i-1"}, Force: true})
		s.reach(state.Stopped)
		if took := time.Since(asked); took > 5*time.Second {
			s.t.Fatalf("force took %s", took)
		}
	})
}

func TestTerminate_VolumesGoOrStay(t *testing.T) {
	scenario(t, func(l *command.Launch) {
		l.Instance.Devices = append(l.Instance.Devices, state.Device{Name: "/dev/sdf", VolumeID: "vol-2"})
		l.Volumes = append(l.Volumes, state.Volume{ID: "vol-2", SizeGiB: 1})
	}, func(s *site) {
		s.propose(command.TerminateInstances{AccountID: account, InstanceIDs: []string{"i-1"}})
		s.reach(state.Terminated)
		s.until("root volume deleted", func() bool {
			_, ok := state.Volumes.Get(s.region.FSM.View(), account, "vol-1")
			return !ok && !s.host.HasVolume("vol-1")
		})
		if v, ok := state.Volumes.Get(s.region.FSM.View(), account, "vol-2"); !ok || v.State != state.VolumeAvailable || !s.host.HasVolume("vol-2") {
			s.t.Fatalf("volume that outlives its instance: %+v", v)
		}
	})
}

func TestReboot(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		scenario(t, nil, func(s *site) {
			s.host.SetDeaf(deaf)
			s.propose(command.RebootInstances{AccountID: account, InstanceIDs: []string{"i-1"}})
			s.until("reboot carried out", func() bool { return s.instance().ObservedReboot == 1 })
			if g := s.guest(); g.Resets != 1 || s.instance().State != state.Running || s.host.Launches() != 1 {
				s.t.Fatalf("deaf %v: %d resets, state %s, %d launches", deaf, g.Resets, s.instance().State, s.host.Launches())
			}
		})
	}
}

func TestGuestShutdown_Behaviour(t *testing.T) {
	for behaviour, want := range map[string]state.InstanceState{"stop": state.Stopped, "terminate": state.Terminated} {
		scenario(t, func(l *command.Launch) { l.Instance.ShutdownBehavior = behaviour }, func(s *site) {
			s.guest().Become(executor.Off, "")
			if i := s.reach(want); i.Reason.Code != "Client.InstanceInitiatedShutdown" {
				s.t.Fatalf("%s: reason %+v", behaviour, i.Reason)
			}
		})
	}
}

func TestCrash_RecoversOrStops(t *testing.T) {
	scenario(t, nil, func(s *site) {
		s.guest().Become(executor.Died, "killed by signal 9")
		s.until("guest started again", func() bool { return s.host.Launches() == 2 && s.instance().Impaired == "" })
		if i := s.instance(); i.State != state.Running {
			s.t.Fatalf("recovered instance is %s", i.State)
		}
	})
	scenario(t, func(l *command.Launch) { l.Instance.AutoRecovery = "disabled" }, func(s *site) {
		s.guest().Become(executor.Died, "killed by signal 9")
		if i := s.reach(state.Stopped); i.Reason.Code != "Server.InternalError" || s.host.Launches() != 1 {
			s.t.Fatalf("instance without recovery: %+v, %d launches", i.Reason, s.host.Launches())
		}
	})
}

func TestNewExecutor_AdoptsGuests(t *testing.T) {
	scenario(t, nil, func(s *site) {
		s.stop()
		s.guest().Become(executor.Off, "") // while no executor is there
		s.start()
		s.reach(state.Stopped)
		if s.host.Launches() != 1 {
			s.t.Fatalf("%d launches, want the adopted one only", s.host.Launches())
		}
	})
}

func TestDiskFull_LaunchFailsAndSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.launch(func(l *command.Launch) { l.Volumes[0].SizeGiB = 1000 })
		if i := s.reach(state.Terminated); i.Reason.Code != "Server.InsufficientInstanceCapacity" {
			s.t.Fatalf("reason %+v", i.Reason)
		}
		s.until("volume row gone", func() bool { return state.Volumes.Count(s.region.FSM.View()) == 0 })
		s.stop()
	})
}

func TestDrain_InstancesComeBackWithTheNode(t *testing.T) {
	scenario(t, nil, func(s *site) {
		if err := s.exec.Drain(s.t.Context(), time.Minute, nil); err != nil {
			s.t.Fatal(err)
		}
		if _, ok := s.host.Guest("i-1"); ok {
			s.t.Fatal("drained node still has a guest")
		}
		if i := s.instance(); i.State != state.Running || i.Desired != state.Running {
			s.t.Fatalf("drain changed the desire: %s", i.State)
		}
		s.stop()
		s.start()
		s.until("guest back", func() bool { return s.host.Launches() == 2 })
	})
}

func TestSnapshotDeleted_BytesGo(t *testing.T) {
	scenario(t, nil, func(s *site) {
		image, _ := state.Images.Get(s.region.FSM.View(), account, s.image)
		s.propose(command.DeregisterImage{AccountID: account, ImageID: s.image, DeleteSnapshots: true})
		s.until("bytes gone", func() bool { return !s.host.HasSnapshot(image.Devices[0].SnapshotID) })
	})
}

// TestVolumeLost_IsNotMadeAnew: an instance whose disk has vanished does not come up with an empty one.
func TestVolumeLost_IsNotMadeAnew(t *testing.T) {
	scenario(t, nil, func(s *site) {
		s.propose(command.StopInstances{AccountID: account, InstanceIDs: []string{"i-1"}})
		i := s.reach(state.Stopped)
		if err := s.host.Delete(t.Context(), i.Devices[0].VolumeID); err != nil {
			s.t.Fatal(err)
		}
		s.propose(command.StartInstances{AccountID: account, InstanceIDs: []string{"i-1"}})
		if i := s.reach(state.Stopped); i.Reason.Code != "Server.InternalError" || !strings.Contains(i.Reason.Message, "volume") {
			s.t.Errorf("reason %+v", i.Reason)
		}
		if err := s.host.Has(t.Context(), i.Devices[0].VolumeID); err == nil {
			s.t.Error("a new volume stands in for the lost one")
		}
	})
}

// What happens elsewhere in the region is no reason to ask this node's guards: each question is a call to a process.
func TestForeignChange_WakesNobody(t *testing.T) {
	scenario(t, nil, func(s *site) {
		s.settle()
		before := s.host.Asked()
		for n := range 100 {
			s.propose(command.CreateTags{AccountID: account, Resources: []string{s.image}, Tags: []state.Tag{{Key: "k", Value: fmt.Sprint(n)}}})
			synctest.Wait()
		}
		if asked := s.host.Asked() - before; asked > 0 {
			t.Errorf("guards were asked %d times for 100 changes that are not theirs", asked)
		}
		s.propose(command.StopInstances{AccountID: account, InstanceIDs: []string{"i-1"}})
		synctest.Wait() // and not: after the next look around
		if i := s.instance(); i.State != state.Stopped {
			t.Errorf("an instance that was asked to stop is %s", i.State)
		}
	})
}

// settle lets the executor look around once, without a cause.
func (s *site) settle() {
	time.Sleep(6 * time.Second) // virtual
	synctest.Wait()
}
