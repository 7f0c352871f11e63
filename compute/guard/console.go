// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/hivecloud/hive/compute/qemu"
)

const (
	// consoleLimit is the size at which the console log is cut.
	consoleLimit = 2 << 20
	// consoleKeep is how much of it stays, in the file with ".1" behind its name.
	consoleKeep = 1 << 20
	// consoleInterval is how often its size is looked at.
	consoleInterval = 2 * time.Second
)

// Console is the end of what the guest has printed on its serial console, over all its runs in this directory.
type Console struct {
	Text []byte
	// At is when it last grew; zero when it never did.
	At time.Time
}

// ReadConsole returns the last n bytes of the serial console of dir, with or without a guard; a guest that has never printed has none.
func ReadConsole(dir string, n int) (Console, error) {
	return readConsole(ConsoleLog(dir), int64(n))
}

// OpenConsole opens the serial log of dir for reading, as QEMU appends to it. When it shrinks it has been cut: its older part, as far as it
// is kept, is what ReadConsole adds in front. os.ErrNotExist: the guest has never printed.
//
// Use this and not os.Open: QEMU may write in that directory, and a link that it puts there must not be followed by a privileged reader.
func OpenConsole(dir string) (*os.File, error) { return openGuestFile(ConsoleLog(dir)) }

// rotateConsole keeps the console log from filling the disk.
func (g *guard) rotateConsole(ctx context.Context) {
	path := qemu.PathsIn(g.vmDir).Console
	tick := time.NewTicker(consoleInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if err := cutConsole(path, consoleLimit, consoleKeep); err != nil {
			g.log.Warn("console log not rotated", "error", err)
		}
	}
}

// cutConsole copies the newest keep bytes of a log of limit bytes or more to path.1 and empties it (copytruncate): QEMU has the file open
// and appends, so it cannot be renamed. What is printed between the last look at its size and the cut is lost: microseconds.
func cutConsole(path string, limit, keep int64) (err error) {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) || err == nil && info.Size() < limit {
		return nil
	}
	if err != nil {
		return err
	}
	f, err := openGuest(path, os.O_RDWR)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Seek(-min(keep, info.Size()), io.SeekEnd); err != nil {
		return err
	}
	kept, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) { // of a guard that was killed here
		if err := os.Remove(path + ".new"); err != nil {
			return err
		}
		kept, err = os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(kept, f) // to the end, as far as it has grown by now
	if err := errors.Join(err, kept.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path+".1"); err != nil {
		return err
	}
	return f.Truncate(0)
}

// readConsole returns the last n bytes, reaching back into the part that was cut off.
func readConsole(path string, n int64) (Console, error) {
	now, err := tail(path, n)
	if err != nil {
		return Console{}, fmt.Errorf("read console: %w", err)
	}
	var console Console
	if info, err := os.Lstat(path); err == nil && info.Size() > 0 {
		console.At = info.ModTime().UTC()
	}
	if int64(len(now)) < n {
		before, err := tail(path+".1", n-int64(len(now)))
		if err != nil {
			return Console{}, fmt.Errorf("read console: %w", err)
		}
		if info, err := os.Lstat(path + ".1"); err == nil && console.At.IsZero() {
			console.At = info.ModTime().UTC()
		}
		now = bytes.Join([][]byte{before, now}, nil)
	}
	console.Text = now
	return console, nil
}
