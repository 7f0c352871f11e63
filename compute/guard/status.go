// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"net/netip"
	"time"
)

// Phase is where a run of a guest stands. It goes starting -> running <-> paused -> exited, or starting -> failed.
type Phase string

// The phases.
const (
	// PhaseStarting: volumes are being served and QEMU is being started or adopted.
	PhaseStarting Phase = "starting"
	// PhaseRunning: the guest's processors run.
	PhaseRunning Phase = "running"
	// PhasePaused: QEMU is there and the guest stands still; Status.Reason says why.
	PhasePaused Phase = "paused"
	// PhaseExited: the run is over; Status.Exit says why. QEMU is gone, its volumes are released.
	PhaseExited Phase = "exited"
	// PhaseFailed: QEMU never came up; Status.Detail says why.
	PhaseFailed Phase = "failed"
)

// Reason says why a guest is paused.
type Reason string

// The reasons.
const (
	ReasonRequest Reason = "request"  // Client.Pause
	ReasonFence   Reason = "fence"    // not renewed in time, or a volume belongs to another epoch
	ReasonIOError Reason = "io-error" // a volume failed; retried every second or two
	ReasonNoSpace Reason = "nospace"  // a volume has no space left; retried likewise
	ReasonPanic   Reason = "panic"    // the guest's kernel reported a panic
	ReasonOther   Reason = "other"    // see Status.Detail
)

// Cause says why a run ended.
type Cause string

// The causes.
const (
	CauseGuestShutdown Cause = "guest-shutdown" // the guest powered off, by itself or because of Powerdown
	CausePanic         Cause = "panic"          // QEMU ended because of a guest panic
	CauseHostQuit      Cause = "host-quit"      // Quit, or Powerdown's grace period was over
	CauseHostSignal    Cause = "host-signal"    // somebody sent QEMU a polite signal: the host is shutting down
	CauseCrash         Cause = "crash"          // QEMU was killed or died
	CauseVanished      Cause = "vanished"       // QEMU was gone when a new guard came: nobody saw why
)

// Status is everything the guard knows about its guest. It is what Client.Status returns and, in the same form, DIR/state.json.
type Status struct {
	// Version grows with every change, also across guards; see Client.Wait.
	Version uint64 `json:"version"`

	InstanceID string `json:"instance_id"`
	RunID      string `json:"run_id"`
	Epoch      uint64 `json:"epoch"`

	Phase  Phase  `json:"phase"`
	Reason Reason `json:"reason,omitempty"`
	// Detail is a sentence for humans.
	Detail string `json:"detail,omitempty"`

	// PID and PIDStart (clock ticks after the host's boot) identify the QEMU process; 0 when there is none.
	PID      int    `json:"pid,omitempty"`
	PIDStart uint64 `json:"pid_start,omitempty"`
	// HostBoot is the kernel's boot id: a PID of another boot means nothing.
	HostBoot string `json:"host_boot"`
	// GuardPID is the guard that wrote this.
	GuardPID int `json:"guard_pid"`
	// Adopted counts how often a new guard took over the running QEMU.
	Adopted int `json:"adopted,omitempty"`

	// StartedAt is when QEMU was started.
	StartedAt time.Time `json:"started_at,omitzero"`
	// Boots counts how often the guest's firmware began: 1 after the start, one more for each reset, whoever asked for it.
	Boots int `json:"boots"`
	// LastReset is when the guest was reset last.
	LastReset time.Time `json:"last_reset,omitzero"`

	// PowerdownAt is when the power button was pressed last, zero when never.
	PowerdownAt time.Time `json:"powerdown_at,omitzero"`
	// PowerdownDeadline is when a guest that does not obey is ended by force, in nanoseconds of CLOCK_BOOTTIME; 0 is never.
	PowerdownDeadline int64 `json:"powerdown_deadline,omitempty"`

	// PausedByRequest is set from Pause to Resume, whatever else pauses the guest meanwhile.
	PausedByRequest bool `json:"paused_by_request,omitempty"`
	// Fenced is set when the fence expired and until a Resume with the current epoch.
	Fenced bool `json:"fenced,omitempty"`
	// Frozen says that QEMU did not obey the fence and its process was stopped by a signal instead.
	Frozen bool `json:"frozen,omitempty"`

	Disks []DiskStatus `json:"disks"`
	Ports []PortStatus `json:"ports"`

	// Exit is set as soon as the end is known, a moment before PhaseExited.
	Exit *Exit `json:"exit,omitempty"`
}

// Exit is the end of a run.
type Exit struct {
	Cause  Cause     `json:"cause"`
	Detail string    `json:"detail,omitempty"`
	At     time.Time `json:"at"`
	// Code and Signal are of the QEMU process, as far as known: an adopted process does not tell. -1 is unknown.
	Code   int    `json:"code"`
	Signal string `json:"signal,omitempty"`
	// Forced says that QEMU was ended because the guest did not obey the power button in time.
	Forced bool `json:"forced,omitempty"`
}

// DiskStatus is one volume as the guard sees it.
type DiskStatus struct {
	VolumeID string `json:"volume_id"`
	Epoch    uint64 `json:"epoch"`
	// Served says that a block daemon has the disk's socket. While it has not, the guest's I/O waits.
	Served bool `json:"served"`
	// Lost counts how often the block daemon went away.
	Lost int `json:"lost,omitempty"`
	// Error is the last failure to get the volume served, empty when it is.
	Error string `json:"error,omitempty"`
}

// PortStatus is one public port.
type PortStatus struct {
	Port
	// Bound is the port that really listens on PublicIP; 0 while closed.
	Bound uint16 `json:"bound,omitempty"`
	// Forward is the loopback port that QEMU forwards to the guest.
	Forward uint16 `json:"forward"`
	// Error says why it does not listen.
	Error string `json:"error,omitempty"`
}

// Addr is where a client connects; ok is false while the port is closed.
func (p PortStatus) Addr() (addr netip.AddrPort, ok bool) {
	return netip.AddrPortFrom(p.PublicIP, p.Bound), p.Bound != 0
}

// Over says that nothing of the run is left.
func (s Status) Over() bool { return s.Phase == PhaseExited || s.Phase == PhaseFailed }

// clone makes a copy that shares nothing mutable.
func (s Status) clone() Status {
	s.Disks = append([]DiskStatus(nil), s.Disks...)
	s.Ports = append([]PortStatus(nil), s.Ports...)
	if s.Exit != nil {
		exit := *s.Exit
		s.Exit = &exit
	}
	return s
}
