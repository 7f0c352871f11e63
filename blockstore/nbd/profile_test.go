// SPDX-License-Identifier: Apache-2.0

//go:build bench

package nbd_test

import (
	"os"
	"runtime/pprof"
)

// profile writes a CPU profile until stop is called; an empty path writes none.
func profile(path string) (stop func(), err error) {
	if path == "" {
		return func() {}, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() { pprof.StopCPUProfile(); f.Close() }, nil
}
