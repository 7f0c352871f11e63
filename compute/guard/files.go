// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// lockFile takes an exclusive lock on a file of dir. The lock belongs to the open file: it ends when every process that inherited
// the file has closed it. ok is false when somebody else has it.
func lockFile(dir, name string) (f *os.File, ok bool, err error) {
	f, err = os.OpenFile(filepath.Join(dir, name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, false, fmt.Errorf("lock: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return f, true, nil
	}
	_ = f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, false, nil
	}
	return nil, false, fmt.Errorf("lock %s: %w", name, err)
}

// openGuestFile opens a file of vm/ for reading. QEMU can write there, and what it puts in the way (a link, a pipe) must not lead a
// privileged guard astray.
func openGuestFile(path string) (*os.File, error) { return openGuest(path, os.O_RDONLY) }

func openGuest(path string, flags int) (*os.File, error) {
	f, err := os.OpenFile(path, flags|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", path)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// listenFile makes a listening unix socket at path, replacing one that is left over, and returns it as a file. With runAs only that
// user (and root) may connect.
func listenFile(path string, runAs *RunAs) (*os.File, error) {
	if err := removeIfThere(path); err != nil {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	defer l.Close()
	l.SetUnlinkOnClose(false)
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, err
	}
	if err := giveTo(path, runAs); err != nil {
		return nil, err
	}
	return l.File()
}

// giveTo makes a file belong to the user that QEMU runs as, if that is another one.
func giveTo(path string, runAs *RunAs) error {
	if runAs == nil || os.Geteuid() != 0 {
		return nil
	}
	return os.Lchown(path, int(runAs.UID), int(runAs.GID))
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// copyNew copies a file unless the target exists.
func copyNew(target, source string, runAs *RunAs) error {
	if _, err := os.Lstat(target); err == nil {
		return nil
	}
	in, err := os.Open(source)
	if err != nil {
		return err
	}
	defer in.Close()
	temp := target + ".new"
	out, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		return err
	}
	if err := giveTo(temp, runAs); err != nil {
		return err
	}
	return os.Rename(temp, target)
}

// tail returns at most the last n bytes of a file, and nothing when it is not there.
func tail(path string, n int64) ([]byte, error) {
	f, err := openGuestFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(max(0, info.Size()-n), io.SeekStart); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(f, n))
}
