// SPDX-License-Identifier: Apache-2.0

package executor_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivecloud/hive/compute/executor"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
)

// fence moves the site's fence to some time from now.
func (s *site) fence(in time.Duration) error {
	return s.exec.SetFence(s.t.Context(), executor.Fence{On: true, Until: s.host.Clock() + in})
}

func (s *site) phase() executor.Phase {
	s.t.Helper()
	st, err := s.guest().Status(s.t.Context(), 0)
	if err != nil {
		s.t.Fatal(err)
	}
	return st.Phase
}

func TestFence_LeaseEndsAndComesBack(t *testing.T) {
	scenario(t, nil, func(s *site) {
		if err := s.fence(5 * time.Second); err != nil {
			s.t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := s.phase(); got != executor.Fenced {
			s.t.Fatalf("after the lease the guest is %s", got)
		}
		if err := s.fence(time.Minute); err != nil {
			s.t.Fatal(err)
		}
		s.until("the guest goes on", func() bool { return s.phase() == executor.Up })
		if err := s.fence(-time.Minute); err != nil { // a late renewal takes nothing back
			s.t.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		if got := s.phase(); got != executor.Up {
			s.t.Errorf("an overtaken renewal made the guest %s", got)
		}
		if err := s.exec.SetFence(s.t.Context(), executor.Fence{}); err != nil {
			s.t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if got := s.phase(); got != executor.Up || s.host.Launches() != 1 {
			s.t.Errorf("without a fence the guest is %s after %d launches", got, s.host.Launches())
		}
	})
}

func TestFence_NothingStartsWithoutALease(t *testing.T) {
	scenario(t, nil, func(s *site) {
		s.propose(command.StopInstances{AccountID: account, InstanceIDs: []string{"i-1"}})
		s.reach(state.Stopped)
		if err := s.fence(-time.Second); err != nil {
			s.t.Fatal(err)
		}
		s.propose(command.StartInstances{AccountID: account, InstanceIDs: []string{"i-1"}})
		time.Sleep(time.Minute)
		synctest.Wait()
		if i := s.instance(); i.State != state.Pending || s.host.Launches() != 1 {
			s.t.Fatalf("without a lease the instance is %s after %d launches", i.State, s.host.Launches())
		}
		if err := s.fence(time.Hour); err != nil {
			s.t.Fatal(err)
		}
		s.reach(state.Running)
	})
}

// The next agent of a node finds in the region that its guests are fenced, and starts nothing before it has a lease.
func TestFence_NextAgentRecallsIt(t *testing.T) {
	scenario(t, nil, func(s *site) {
		s.propose(command.ArmNode{NodeID: fsmtest.NodeID, Epoch: 1, Armed: true})
		s.propose(command.StopInstances{AccountID: account, InstanceIDs: []string{"i-1"}})
		s.reach(state.Stopped)
		s.stop()
		s.start()
		synctest.Wait()
		s.propose(command.StartInstances{AccountID: account, InstanceIDs: []string{"i-1"}})
		time.Sleep(time.Minute)
		synctest.Wait()
		if s.host.Launches() != 1 {
			s.t.Fatal("a guest was started on a lease that the agent does not have")
		}
		if err := s.fence(time.Hour); err != nil {
			s.t.Fatal(err)
		}
		s.reach(state.Running)
	})
}

// The node must not be called armed while a guest is on its way that began without a deadline.
func TestFence_LaunchUnderWayIsNotForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.host.Freeze()
		s.launch(nil)
		time.Sleep(time.Second)
		synctest.Wait()
		if err := s.fence(time.Hour); err == nil {
			t.Error("every guest is said to be fenced while one is being launched without a fence")
		}
		s.host.Thaw()
		s.reach(state.Running)
		if err := s.fence(2 * time.Hour); err != nil {
			t.Errorf("fence after the launch: %v", err)
		}
		s.stop()
	})
}
