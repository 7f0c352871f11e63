// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	// Client is the port of the test itself: what a user's machine would be.
	Client = "client"
	// VirtualIP is the address that the nodes of a Net hand about.
	VirtualIP = "10.77.0.100"
	card      = "eth0"
	inside    = "HIVE_LAB_INSIDE"
)

// Main runs the tests of a package in namespaces of their own: network, mounts and processes. It takes root. An init
// in front of the test reaps what loses its parent, as on any machine.
func Main(m *testing.M) int {
	if os.Getenv(inside) != "" {
		return m.Run()
	}
	if os.Getuid() != 0 {
		_, _ = fmt.Fprintln(os.Stderr, "these tests make network namespaces, which takes root")
		if os.Getenv("CI") != "" {
			return 1
		}
		return 0
	}
	cmd := exec.Command("unshare", append([]string{"--net", "--mount", "--propagation", "private", "--pid", "--fork", "--mount-proc", "--kill-child",
		"bash", "-c", `"$0" "$@"; exit $?`}, os.Args...)...)
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "enter namespaces:", err)
		return 1
	}
	return 0
}

// Net is a network of namespaces around one switch.
type Net struct {
	wire  *ethernet
	names []string
}

// NewNet makes a network with the test's own machine on it.
func NewNet(t *testing.T) *Net {
	t.Helper()
	if os.Getenv(inside) == "" {
		t.Fatal("a test that makes a Net enters by lab.Main")
	}
	n := &Net{wire: newEthernet()}
	t.Cleanup(n.wire.close)
	if err := n.plug(Client, "10.77.0.200/24"); err != nil {
		t.Fatal(err)
	}
	return n
}

// plug gives the calling thread's namespace a card on the network.
func (n *Net) plug(name, address string) error {
	name0 := card
	if name == Client { // tests of one package make one Net after the other
		name0 = fmt.Sprintf("lab%d", os.Getpid()%1000)
	}
	tap, err := newTAP(name0)
	if err != nil {
		return err
	}
	if err := up(name0, address); err != nil {
		_ = tap.Close()
		return err
	}
	n.wire.plug(name, tap)
	n.names = append(n.names, name)
	return nil
}

// newTAP makes a TAP device; it lives as long as the file is open.
func newTAP(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/net/tun: %w", err)
	}
	request, err := unix.NewIfreq(name)
	if err == nil {
		request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("make TAP device %s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil // after TUNSETIFF: before it the poller refuses the file
}

func up(name, address string) error {
	for _, one := range []string{"lo", name} {
		link, err := netlink.LinkByName(one)
		if err == nil && one == name {
			var a *netlink.Addr
			if a, err = netlink.ParseAddr(address); err == nil {
				err = netlink.AddrAdd(link, a)
			}
		}
		if err == nil {
			err = netlink.LinkSetUp(link)
		}
		if err != nil {
			return fmt.Errorf("set up %s: %w", one, err)
		}
	}
	return nil
}

// Space is one network namespace.
type Space struct {
	Name string
	IP   string
	file *os.File
}

// Space makes a namespace with a card on the network.
func (n *Net) Space(t *testing.T, name, ip string) *Space {
	t.Helper()
	s := &Space{Name: name, IP: ip}
	err := onThread(func() (err error) {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("make network namespace: %w", err)
		}
		if s.file, err = os.Open("/proc/thread-self/ns/net"); err != nil {
			return err
		}
		return n.plug(name, ip+"/24")
	})
	if err != nil {
		t.Fatalf("namespace %s: %v", name, err)
	}
	t.Cleanup(func() { _ = s.file.Close() })
	return s
}

// Do runs f on a thread inside the namespace; processes that f starts and sockets that it opens stay in it.
func (s *Space) Do(f func() error) error {
	if s == nil {
		return f()
	}
	return onThread(func() error {
		if err := unix.Setns(int(s.file.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter namespace %s: %w", s.Name, err)
		}
		return f()
	})
}

// DialContext connects from inside the namespace.
func (s *Space) DialContext(ctx context.Context, network, address string) (c net.Conn, err error) {
	err = s.Do(func() (err error) {
		c, err = (&net.Dialer{}).DialContext(ctx, network, address)
		return err
	})
	return c, err
}

// onThread runs f on a thread of its own that ends with it: nobody else ever runs in its namespace.
func onThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		done <- f()
	}()
	return <-done
}

// Link sets how frames travel from one port to another, in that direction only.
func (n *Net) Link(from, to string, q Quality) { n.wire.set(from, to, q) }

// Between sets both directions.
func (n *Net) Between(a, b string, q Quality) {
	n.Link(a, b, q)
	n.Link(b, a, q)
}

// Around sets all links of a port, to the client's too.
func (n *Net) Around(name string, q Quality) {
	for _, other := range n.names {
		if other != name {
			n.Between(name, other, q)
		}
	}
}

// Heal makes every link perfect.
func (n *Net) Heal() {
	for _, name := range n.names {
		n.Around(name, Quality{})
	}
}
