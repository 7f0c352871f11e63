// SPDX-License-Identifier: Apache-2.0

package guard

import "errors"

// The errors of the control API; they keep their identity across the socket.
var (
	// ErrBusy: another guard has the directory.
	ErrBusy = errors.New("another guard has this directory")
	// ErrNotRunning: there is no QEMU to do that with (not yet, or no more).
	ErrNotRunning = errors.New("the guest is not running")
	// ErrRunning: Close of a guest that is not down.
	ErrRunning = errors.New("the guest is still there")
	// ErrFenced: the fence has expired; Renew, then Resume.
	ErrFenced = errors.New("the fence has expired")
	// ErrStaleEpoch: the epoch is older than the one known here or than the one a volume has been opened with elsewhere.
	ErrStaleEpoch = errors.New("the epoch is stale")
	// ErrEpochUnknown: Resume with an epoch that spec.json does not have.
	ErrEpochUnknown = errors.New("the epoch is not the one of the spec")
	// ErrUnknownVolume: the guest has no such disk.
	ErrUnknownVolume = errors.New("the guest has no such volume")
	// ErrInvalid: a request that cannot be understood.
	ErrInvalid = errors.New("invalid request")
	// ErrUnreachable: nobody serves the control socket.
	ErrUnreachable = errors.New("no guard answers")
)

// errorCodes is the wire form of the errors above.
var errorCodes = map[string]error{
	"busy": ErrBusy, "not-running": ErrNotRunning, "running": ErrRunning, "fenced": ErrFenced, "stale-epoch": ErrStaleEpoch,
	"epoch-unknown": ErrEpochUnknown, "unknown-volume": ErrUnknownVolume, "invalid": ErrInvalid,
}
