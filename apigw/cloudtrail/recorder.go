// SPDX-License-Identifier: Apache-2.0

package cloudtrail

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/go-hclog"

	"github.com/hivecloud/hive/apigw"
)

// Log keeps lines; *auditlog.Log is one.
type Log interface {
	// Append keeps records, one JSON object without a line feed each.
	Append(now time.Time, records ...[]byte) error
}

// Recorder hands the gateway's calls to a log. A record that cannot be kept does not stop the call: the region would
// stand still with a full disk; the fault is told by Fault and in the log.
type Recorder struct {
	log    Log
	logger hclog.Logger

	mu    sync.Mutex // records stand in the log in the order of their ids
	fault error
}

var _ apigw.Audit = (*Recorder)(nil)

// NewRecorder does no I/O. A nil logger logs nothing.
func NewRecorder(log Log, logger hclog.Logger) *Recorder {
	if logger == nil {
		logger = hclog.NewNullLogger()
	}
	return &Recorder{log: log, logger: logger.Named("audit")}
}

// Record keeps one call.
func (r *Recorder) Record(_ context.Context, e apigw.AuditEvent) {
	record := NewRecord(e, "")
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.keep(&record, time.Now())
	if err != nil && r.fault == nil {
		r.logger.Error("calls are not recorded", "error", err)
	}
	r.fault = err
}

func (r *Recorder) keep(record *Record, now time.Time) error {
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make event id: %w", err)
	}
	record.EventID = id.String()
	line, err := record.Encode()
	if err != nil {
		return err
	}
	return r.log.Append(now, line)
}

// Fault is why the last call was not recorded; nil when it was.
func (r *Recorder) Fault() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fault
}
