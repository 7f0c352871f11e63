// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hivecloud/hive/compute/qemu"
)

// Present tells whether dir holds a run: a spec, with or without a living guard.
func Present(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, specName))
	return err == nil
}

// ConsoleLog is where the guest's serial log is; it is there between runs too.
func ConsoleLog(dir string) string { return qemu.PathsIn(filepath.Join(dir, vmDirName)).Console }

// Clear forgets the run of dir, whose guard must have left. What a guest keeps from run to run stays: its serial log,
// its UEFI variables, its TPM's state.
func Clear(dir string) error {
	// The spec goes last: as long as it is there, Present says that something is left to clear.
	for _, name := range []string{stateName, fenceName, specName} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("clear run of guest: %w", err)
		}
	}
	return nil
}
