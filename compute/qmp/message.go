// SPDX-License-Identifier: Apache-2.0

package qmp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Error is a command refused by QEMU.
type Error struct {
	// Class is QEMU's error class: GenericError, CommandNotFound, DeviceNotActive, DeviceNotFound or KVMMissingCap.
	Class string `json:"class"`
	// Desc is a sentence for humans; its text is not a stable interface of QEMU.
	Desc string `json:"desc"`
}

func (e *Error) Error() string { return e.Class + ": " + e.Desc }

// Event is an asynchronous message of QEMU.
type Event struct {
	// Name is the event's name, for example SHUTDOWN.
	Name string
	// Data is the event's data as sent, nil when it has none.
	Data json.RawMessage
	// Time is QEMU's clock (CLOCK_REALTIME) when the event was emitted, zero when QEMU could not tell.
	Time time.Time
}

// Decode fills v with the event's data; an event without data leaves v as it is.
func (e Event) Decode(v any) error {
	if len(e.Data) == 0 {
		return nil
	}
	if err := json.Unmarshal(e.Data, v); err != nil {
		return fmt.Errorf("decode data of event %s: %w", e.Name, err)
	}
	return nil
}

// message is any line that a server sends: a greeting, an event or a reply, told apart by their distinguishing member.
type message struct {
	greeting json.RawMessage
	event    *Event
	id       string
	hasID    bool
	result   json.RawMessage
	err      *Error
}

// errMalformed is wrapped by every fault that decodeLine finds.
var errMalformed = errors.New("malformed line")

type wireMessage struct {
	QMP       json.RawMessage `json:"QMP"`
	Event     *string         `json:"event"`
	Data      json.RawMessage `json:"data"`
	Timestamp *wireTime       `json:"timestamp"`
	Return    json.RawMessage `json:"return"`
	Error     *Error          `json:"error"`
	ID        json.RawMessage `json:"id"`
}

// wireTime has -1 in both members when the host's clock could not be read.
type wireTime struct {
	Seconds      int64 `json:"seconds"`
	Microseconds int64 `json:"microseconds"`
}

// decodeLine decodes one line without its line end. Exactly one of QMP, event, return and error must be there. Ids are ours,
// hence strings; any other id is malformed.
func decodeLine(line []byte) (message, error) {
	var w wireMessage
	if err := json.Unmarshal(line, &w); err != nil {
		return message{}, fmt.Errorf("%w: %w", errMalformed, err)
	}
	m := message{greeting: w.QMP, result: w.Return, err: w.Error}
	kinds := 0
	for _, has := range []bool{w.QMP != nil, w.Event != nil, w.Return != nil, w.Error != nil} {
		if has {
			kinds++
		}
	}
	if kinds != 1 {
		return message{}, fmt.Errorf("%w: %d of QMP, event, return and error in %s", errMalformed, kinds, excerpt(line))
	}
	if w.Event != nil {
		m.event = &Event{Name: *w.Event, Data: w.Data}
		if t := w.Timestamp; t != nil && t.Seconds >= 0 {
			m.event.Time = time.Unix(t.Seconds, t.Microseconds*int64(time.Microsecond/time.Nanosecond))
		}
	}
	if w.ID != nil && !bytes.Equal(w.ID, []byte("null")) {
		if err := json.Unmarshal(w.ID, &m.id); err != nil {
			return message{}, fmt.Errorf("%w: id %s is not a string", errMalformed, excerpt(w.ID))
		}
		m.hasID = true
	}
	return m, nil
}

// excerpt keeps hostile lines out of logs.
func excerpt(b []byte) string {
	const limit = 120
	if len(b) > limit {
		return fmt.Sprintf("%q...", b[:limit])
	}
	return fmt.Sprintf("%q", b)
}
