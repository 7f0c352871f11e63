// SPDX-License-Identifier: Apache-2.0

package blockstore

import "errors"

// Errors of engines. Front ends map them to the codes of their protocol; everything else is an I/O error there.
var (
	// ErrNoSpace says that there is no room for the bytes. What was stored before is intact, and the same request
	// succeeds once there is room.
	ErrNoSpace = errors.New("no space left for the volume")
	// ErrFenced says that a newer epoch owns the volume; whoever sees it must stop, not retry.
	ErrFenced = errors.New("a newer epoch owns the volume")
	// ErrFailed says that a flush failed, so that earlier writes may be lost. It stays until the volume is opened under a
	// higher epoch: a later flush that succeeds would prove nothing about the lost writes.
	ErrFailed = errors.New("volume failed: a flush was lost")
	// ErrClosed says that the volume was closed.
	ErrClosed = errors.New("volume is closed")
	// ErrOutOfRange says that a request does not lie within the volume.
	ErrOutOfRange = errors.New("request is outside the volume")
	// ErrShrink says that a volume was asked to become smaller.
	ErrShrink = errors.New("a volume cannot shrink")
	// ErrWouldBlock is returned by [TryReader] when the bytes are not in memory.
	ErrWouldBlock = errors.New("read would wait for a device")
	// ErrNotFound says that no volume or snapshot has this id.
	ErrNotFound = errors.New("not found")
	// ErrConflict says that the id is taken by something that was made with other parameters.
	ErrConflict = errors.New("exists with other parameters")
	// ErrInUse says that the volume is open, here or in another process.
	ErrInUse = errors.New("in use")
	// ErrCorrupt says that what is on disk cannot be what was written. Nothing is guessed or repaired.
	ErrCorrupt = errors.New("corrupt")
	// ErrInvalid says that the request itself makes no sense.
	ErrInvalid = errors.New("invalid request")
)
