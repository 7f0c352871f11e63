// SPDX-License-Identifier: Apache-2.0

package vip_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/hivecloud/hive/internal/vip"
)

// askOn sends a request on a connection of its own.
func askOn(t *testing.T, address, path string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path); err != nil {
		t.Fatal(err)
	}
	return c
}

// A client that waits at the address when it moves gets its answer or a reset, never silence: with the AWS SDKs silence
// is a minute.
func TestCallers_NobodyIsLeftWaiting(t *testing.T) {
	callers := vip.NewCallers(netip.MustParseAddr("127.0.0.1"))
	asked, slow, never := make(chan struct{}, 3), make(chan struct{}), make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		switch r.URL.Path {
		case "/slow":
			<-slow
		case "/never":
			<-never
		}
	}))
	server.Config.ConnState = callers.Track
	server.Start()
	defer server.Close()
	defer close(never)
	at := server.Listener.Addr().String()

	idle := bufio.NewReader(askOn(t, at, "/quick"))
	if _, err := http.ReadResponse(idle, nil); err != nil {
		t.Fatal(err)
	}
	patient, stuck := askOn(t, at, "/slow"), askOn(t, at, "/never")
	for range 3 {
		<-asked
	}
	left := make(chan struct{})
	go func() { callers.Leave(time.Second); close(left) }()
	if _, err := idle.ReadByte(); err == nil {
		t.Error("an idle connection got something")
	}
	close(slow)
	if answer, err := http.ReadResponse(bufio.NewReader(patient), nil); err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("a request that was being answered: %v, %v", answer, err)
	}
	if _, err := stuck.Read(make([]byte, 1)); err == nil {
		t.Error("a request that nobody answers got something")
	} else if e, ok := err.(net.Error); ok && e.Timeout() { //nolint:errorlint // the connection's own error
		t.Error("a request that nobody answers waits on")
	}
	<-left
}

// Other addresses of the node stay as they are.
func TestCallers_OtherAddressesStay(t *testing.T) {
	callers := vip.NewCallers(netip.MustParseAddr("192.0.2.7"))
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ConnState = callers.Track
	server.Start()
	defer server.Close()
	c := askOn(t, server.Listener.Addr().String(), "/")
	r := bufio.NewReader(c)
	for range 2 {
		if _, err := http.ReadResponse(r, nil); err != nil {
			t.Fatal(err)
		}
		callers.Leave(time.Minute)
		if _, err := fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
	}
}
