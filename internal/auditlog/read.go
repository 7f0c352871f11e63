// SPDX-License-Identifier: Apache-2.0

package auditlog

import (
	"bytes"
	"errors"
	"os"
	"time"

	"github.com/hivecloud/hive/internal/vfs"
)

// slack is how far the time in a record may be from the time of its append: a call's record carries when it arrived.
const slack = 2 * time.Minute

// Scan calls see with the records that were appended from from to to, the newest file first and each file from its end
// on, until see returns false. The slice is see's to keep. Files that are deleted meanwhile are left out.
func (l *Log) Scan(from, to time.Time, see func(record []byte) bool) error {
	l.mu.RLock()
	files, open := append([]file(nil), l.files...), l.open
	l.mu.RUnlock()
	if !open {
		return ErrClosed
	}
	for i := len(files) - 1; i >= 0; i-- {
		f := files[i]
		if f.newest < from.Add(-slack).UnixMilli() || f.start > to.Add(slack).UnixMilli() {
			continue
		}
		content, err := vfs.ReadFile(l.cfg.FS, f.path, 2*l.cfg.MaxBytes)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		content = content[:min(int64(len(content)), f.size)] // what came later may be half written
		for len(content) > 0 {
			content = bytes.TrimSuffix(content, []byte("\n"))
			at := bytes.LastIndexByte(content, '\n') + 1
			if !see(content[at:len(content):len(content)]) {
				return nil
			}
			content = content[:at]
		}
	}
	return nil
}
