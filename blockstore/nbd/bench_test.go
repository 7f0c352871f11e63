// SPDX-License-Identifier: Apache-2.0

//go:build bench

package nbd_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hivecloud/hive/blockstore"
	"github.com/hivecloud/hive/blockstore/filevol"
	"github.com/hivecloud/hive/blockstore/memvol"
	"github.com/hivecloud/hive/blockstore/nbd"
)

var (
	benchRounds  = flag.Int("rounds", 20, "rounds of every job against both servers")
	benchSeconds = flag.Int("seconds", 1, "seconds of one job")
	benchOnly    = flag.String("only", "", "run only the job of this name")
	benchProfile = flag.String("profile", "", "write a CPU profile of the server here")
)

const benchBytes = 1 << 30

// benchServeEnv makes the test binary a server on the socket it names: a process of its own, as nbdkit is.
const benchServeEnv = "NBD_BENCH_SERVE"

func init() {
	socket := os.Getenv(benchServeEnv)
	if socket == "" {
		return
	}
	if err := benchServe(socket); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func benchServe(socket string) error {
	vol, err := benchVolume(os.Getenv("NBD_BENCH_DIR"))
	if err != nil {
		return err
	}
	s, err := nbd.New(nbd.Config{Volume: vol})
	if err != nil {
		return err
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	go func() {
		os.Stdin.Read(make([]byte, 1)) // until the parent is gone
		s.Shutdown()
	}()
	stop, err := profile(os.Getenv("NBD_BENCH_PROFILE"))
	if err != nil {
		return err
	}
	defer stop()
	return s.Serve(l)
}

// benchVolume is a volume in memory, or of files when there is a directory.
func benchVolume(dir string) (blockstore.Volume, error) {
	if dir == "" {
		return memvol.New(benchBytes), nil
	}
	s, err := filevol.New(filevol.Config{Dir: dir})
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	if err := errors.Join(s.Open(), s.CreateVolume(ctx, filevol.VolumeSpec{ID: "vol-1", SizeBytes: benchBytes})); err != nil {
		return nil, err
	}
	return s.OpenVolume(ctx, "vol-1", 1)
}

// job is a column of the table.
type job struct {
	name string
	args []string
	// value reads the job's figure out of fio's report; more is better.
	value func(fioJob) float64
}

type fioJob struct {
	Read, Write fioSide
	Sync        struct {
		TotalIOs float64 `json:"total_ios"`
		LatNS    struct {
			Mean float64
		} `json:"lat_ns"`
	}
	RuntimeMS float64 `json:"job_runtime"`
}

type fioSide struct {
	IOPS    float64
	BWBytes float64 `json:"bw_bytes"`
	LatNS   struct {
		Percentile map[string]float64
	} `json:"clat_ns"`
}

func (j fioJob) p50() float64 {
	return max(j.Read.LatNS.Percentile["50.000000"], j.Write.LatNS.Percentile["50.000000"]) / 1000
}

var jobs = []job{
	{"4k randread QD1", []string{"--rw=randread", "--bs=4k", "--iodepth=1"}, func(j fioJob) float64 { return j.Read.IOPS }},
	{"4k randread QD32", []string{"--rw=randread", "--bs=4k", "--iodepth=32"}, func(j fioJob) float64 { return j.Read.IOPS }},
	{"4k randwrite QD1", []string{"--rw=randwrite", "--bs=4k", "--iodepth=1"}, func(j fioJob) float64 { return j.Write.IOPS }},
	{"4k randwrite QD32", []string{"--rw=randwrite", "--bs=4k", "--iodepth=32"}, func(j fioJob) float64 { return j.Write.IOPS }},
	{"1M read QD8", []string{"--rw=read", "--bs=1M", "--iodepth=8"}, func(j fioJob) float64 { return j.Read.BWBytes / 1e6 }},
	{"1M write QD8", []string{"--rw=write", "--bs=1M", "--iodepth=8"}, func(j fioJob) float64 { return j.Write.BWBytes / 1e6 }},
	{"4k write+flush", []string{"--rw=randwrite", "--bs=4k", "--iodepth=1", "--fsync=1"}, func(j fioJob) float64 { return j.Write.IOPS }},
}

// peer is a server under measurement.
type peer struct {
	name   string
	socket string
	pid    int
}

// TestBenchAgainstNbdkit measures the front end: both servers keep the disk in memory. Run it with
//
//	go test -tags bench -run TestBenchAgainstNbdkit -v -timeout 1h ./blockstore/nbd
func TestBenchAgainstNbdkit(t *testing.T) {
	dir := benchDir(t)
	compare(t, []peer{startOurs(t, dir, ""), startNbdkit(t, dir, "memory", strconv.Itoa(benchBytes))})
}

// TestBenchFileAgainstNbdkit measures front end and engine: both servers keep the disk in a sparse file of one file system.
func TestBenchFileAgainstNbdkit(t *testing.T) {
	dir := benchDir(t)
	raw := filepath.Join(dir, "raw")
	f, err := os.Create(raw)
	must(t, err)
	must(t, errors.Join(f.Truncate(benchBytes), f.Close()))
	compare(t, []peer{startOurs(t, dir, filepath.Join(dir, "store")), startNbdkit(t, dir, "file", raw)})
}

func benchDir(t *testing.T) string {
	for _, tool := range []string{"fio", "nbdkit"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	return t.TempDir()
}

// compare runs every job against both servers in turns and prints medians, the median of the rounds' ratios and the
// ratio of the best rounds, which says more on a machine that does other things too. It asserts nothing.
func compare(t *testing.T, peers []peer) {
	for _, p := range peers {
		fio(t, p, []string{"--rw=write", "--bs=1M", "--iodepth=8"}, 0) // fill, so that nobody answers from holes
	}
	fmt.Printf("%-18s %10s %10s %7s %7s   %7s %7s   %9s %9s\n", "", "hive", "nbdkit", "ratio", "ratio", "hive", "nbdkit", "hive", "nbdkit")
	fmt.Printf("%-18s %10s %10s %7s %7s   %7s %7s   %9s %9s\n", "job", "median", "median", "median", "best", "p50 µs", "p50 µs", "cpu µs/op", "cpu µs/op")
	for _, j := range jobs {
		if *benchOnly == "" || *benchOnly == j.name {
			compareJob(t, peers, j)
		}
	}
}

func compareJob(t *testing.T, peers []peer, j job) {
	var value, p50, cpu [2][]float64
	for round := range *benchRounds {
		for i := range peers {
			k := (i + round) % 2 // who goes first changes
			before := cpuTicks(t, peers[k].pid)
			got := fio(t, peers[k], j.args, *benchSeconds)
			ops := (got.Read.IOPS + got.Write.IOPS) * float64(*benchSeconds)
			value[k] = append(value[k], j.value(got))
			p50[k] = append(p50[k], got.p50())
			cpu[k] = append(cpu[k], (cpuTicks(t, peers[k].pid)-before)*10_000/ops)
		}
	}
	fmt.Printf("%-18s %10.0f %10.0f %6.2fx %6.2fx   %7.1f %7.1f   %9.1f %9.1f\n", j.name, median(value[0]), median(value[1]),
		medianRatio(value[0], value[1]), slices.Max(value[0])/slices.Max(value[1]), median(p50[0]), median(p50[1]), median(cpu[0]), median(cpu[1]))
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// medianRatio is the median of the rounds' own ratios: what else the machine does from minute to minute hits both servers of a round.
func medianRatio(a, b []float64) float64 {
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = a[i] / b[i]
	}
	return median(ratios)
}

func startOurs(t *testing.T, dir, store string) peer {
	socket := filepath.Join(dir, "hive.sock")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), benchServeEnv+"="+socket, "NBD_BENCH_DIR="+store, "NBD_BENCH_PROFILE="+*benchProfile)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() { stdin.Close(); cmd.Wait() })
	return peer{"hive", awaitSocket(t, socket), cmd.Process.Pid}
}

func startNbdkit(t *testing.T, dir string, plugin ...string) peer {
	socket := filepath.Join(dir, "nbdkit.sock")
	cmd := exec.Command("nbdkit", append([]string{"-f", "-U", socket}, plugin...)...)
	cmd.Stderr = os.Stderr
	must(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return peer{"nbdkit", awaitSocket(t, socket), cmd.Process.Pid}
}

func awaitSocket(t *testing.T, socket string) string {
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		if c, err := net.Dial("unix", socket); err == nil {
			c.Close()
			return socket
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("nobody listens on %s", socket)
	return ""
}

func fio(t *testing.T, p peer, args []string, seconds int) fioJob {
	t.Helper()
	all := append([]string{"--name=x", "--ioengine=nbd", "--uri=nbd+unix:///?socket=" + p.socket,
		"--size=" + strconv.Itoa(benchBytes), "--output-format=json", "--randrepeat=0"}, args...)
	if seconds > 0 {
		all = append(all, "--time_based", "--runtime="+strconv.Itoa(seconds))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(seconds+60)*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "fio", all...).Output()
	if err != nil {
		t.Fatalf("fio %v: %v\n%s", all, err, out)
	}
	var report struct{ Jobs []fioJob }
	start := slices.Index(out, '{') // notes may come first
	must(t, json.Unmarshal(out[start:], &report))
	return report.Jobs[0]
}

// cpuTicks is user and system time of a process in hundredths of a second.
func cpuTicks(t *testing.T, pid int) float64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	must(t, err)
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return user + system
}
