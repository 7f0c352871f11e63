// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"
)

// A percentage needs two looks, and a guest that began anew has none.
func TestTopPercent_IsSinceTheLastLook(t *testing.T) {
	t.Parallel()
	was := 10.0
	v := topView{At: when, Instances: []topInstance{{CPUSeconds: &was}}}
	v.Instances[0].ID = "i-1"
	if p := v.percent("i-1", 11, when.Add(2*time.Second)); p == nil || *p != 50 {
		t.Errorf("got %v, want 50", p)
	}
	for name, p := range map[string]*float64{"unseen": v.percent("i-2", 11, when.Add(time.Second)), "restarted": v.percent("i-1", 3, when.Add(time.Second)), "no time": v.percent("i-1", 11, when)} {
		if p != nil {
			t.Errorf("%s: %v", name, *p)
		}
	}
}

// stopper ends a watch after it has seen a text twice.
type stopper struct {
	bytes.Buffer
	stop context.CancelFunc
}

func (s *stopper) Write(p []byte) (int, error) {
	n, err := s.Buffer.Write(p)
	if strings.Count(s.String(), "INSTANCE  ") == 2 {
		s.stop()
	}
	return n, err
}

// The watch goes on until it is interrupted, and that is no failure.
func TestTop_WatchesUntilInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, errs := &stopper{stop: cancel}, &bytes.Buffer{}
	code := run(ctx, newApp(strings.NewReader(""), out, errs, nil), []string{"top", "--interval", "100ms", "--data-dir", standIn(t)})
	if code != 0 || strings.Count(out.String(), "us-east-1: leader") != 2 || !strings.Contains(out.String(), "0%") {
		t.Errorf("exit %d, %s%s", code, out.String(), errs)
	}
}
