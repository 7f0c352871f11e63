// SPDX-License-Identifier: Apache-2.0

package beacon

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"io"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"golang.org/x/time/rate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// someCluster is nobody else's: members on this machine share the port.
func someCluster(t *testing.T) string {
	t.Helper()
	var b [8]byte
	_, _ = rand.Read(b[:])
	return "c-" + hex.EncodeToString(b[:])
}

// member answers on loopback until the test ends.
func member(t *testing.T, cluster, address string) {
	t.Helper()
	at := netip.MustParseAddrPort(address)
	r, err := New(Config{Cluster: cluster, Bind: at.Addr(), Address: at})
	if err != nil {
		t.Fatal(err)
	}
	run(t, r)
}

// run runs a responder until the test ends.
func run(t *testing.T, r *Responder) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func loopback(t *testing.T) []net.Interface {
	t.Helper()
	on, err := reaching(netip.MustParseAddr("127.0.0.1"))
	if err != nil || len(on) != 1 {
		t.Fatalf("links of 127.0.0.1: %+v, %v", on, err)
	}
	return on
}

func TestSearch_FindsTheMembersOfItsClusterOnly(t *testing.T) {
	t.Parallel()
	mine, other := someCluster(t), someCluster(t)
	member(t, mine, "127.0.0.1:7001")
	member(t, other, "127.0.0.1:7002")
	member(t, mine, "127.0.0.1:7003")
	on := loopback(t)
	want := []string{"127.0.0.1:7001", "127.0.0.1:7003"}
	for tries := 0; ; tries++ { // both may not have joined the group yet, and the first that answers ends the search
		got, err := search(t.Context(), mine, on)
		if err != nil {
			t.Fatal(err)
		}
		if !cmp.Equal(got.Asked, []string{on[0].Name}) {
			t.Fatalf("asked on %v", got.Asked)
		}
		candidates := got.Candidates()
		slices.Sort(candidates)
		if cmp.Equal(candidates, want) {
			return
		}
		if tries == 20 || slices.Contains(candidates, "127.0.0.1:7002") {
			t.Fatalf("found %+v, want %v", got, want)
		}
	}
}

func TestSearch_NobodyAnswers(t *testing.T) {
	t.Parallel()
	got, err := search(t.Context(), someCluster(t), loopback(t))
	if err != nil || len(got.Found) != 0 || len(got.Asked) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := search(t.Context(), someCluster(t), nil); err == nil {
		t.Errorf("without any link: %+v", got)
	}
}

// Answers to somebody else's question, or made up without hearing one, are not taken.
func TestSearch_HearsAnswersToItsOwnQuestionOnly(t *testing.T) {
	t.Parallel()
	stale := anAnswer
	stale.Nonce[0]++
	said := [][]byte{answer(t, stale), question(t, aQuestion), []byte("hello"), answer(t, anAnswer6), answer(t, stale)}
	f := &family{read: func(b []byte) (int, int, net.IP, net.Addr, error) {
		if len(said) == 0 {
			return 0, 0, nil, nil, io.EOF
		}
		one := said[0]
		said = said[1:]
		return copy(b, one), 7, nil, &net.UDPAddr{IP: net.ParseIP("fe80::7"), Zone: "eth0"}, nil
	}}
	got := make(chan Found, len(said))
	hear(f, aNonce, []net.Interface{{Index: 7, Name: "eth0"}}, got, nil)
	want := Found{Address: anAnswer6.Address, From: netip.MustParseAddr("fe80::7%eth0"), Interface: "eth0"}
	if len(got) != 1 || <-got != want {
		t.Errorf("heard something else than %+v", want)
	}
}

func TestResult_CandidatesAreTheMembersWordFirst(t *testing.T) {
	t.Parallel()
	at := func(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
	r := Result{Found: []Found{
		{Address: at("10.0.0.1:8443"), From: netip.MustParseAddr("fe80::1%eth0")},
		{Address: at("10.0.0.1:8443"), From: netip.MustParseAddr("192.0.2.1")},
		{Address: at("127.0.0.1:8443"), From: netip.MustParseAddr("192.0.2.2")},
		{Address: at("192.0.2.3:8443"), From: netip.MustParseAddr("192.0.2.3")},
	}}
	want := []string{"10.0.0.1:8443", "192.0.2.3:8443", "[fe80::1%eth0]:8443", "192.0.2.1:8443", "192.0.2.2:8443"}
	if diff := cmp.Diff(want, r.Candidates()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// heard has a member hear datagrams and returns the answers that it sends.
func heard(t *testing.T, limit *rate.Limiter, datagrams ...received) (answers []Answer) {
	t.Helper()
	r, err := New(Config{Cluster: aQuestion.Cluster, Address: anAnswer.Address})
	if err != nil {
		t.Fatal(err)
	}
	if limit != nil {
		r.limit = limit
	}
	multicast := map[bool]net.IP{true: group4.AsSlice(), false: net.IPv4(192, 0, 2, 7)}
	f := &family{
		read: func(b []byte) (int, int, net.IP, net.Addr, error) {
			if len(datagrams) == 0 {
				return 0, 0, nil, nil, io.EOF
			}
			d := datagrams[0]
			datagrams = datagrams[1:]
			return copy(b, d.body), d.index, multicast[d.group], net.UDPAddrFromAddrPort(d.from), nil
		},
		write: func(b []byte, index int, to net.Addr) error {
			a, err := DecodeAnswer(b)
			if err != nil || index != 3 || to.String() != "192.0.2.9:700" {
				t.Errorf("answered %x to %v by interface %d: %v", b, to, index, err)
			}
			answers = append(answers, a)
			return nil
		},
	}
	if err := r.answer(f); err != io.EOF { //nolint:errorlint // the reader's own
		t.Fatal(err)
	}
	return answers
}

func TestResponder_AnswersQuestionsToTheGroupOnly(t *testing.T) {
	t.Parallel()
	from := netip.MustParseAddrPort("192.0.2.9:700")
	good := received{body: question(t, aQuestion), from: from, index: 3, group: true}
	if got := heard(t, nil, good); !cmp.Equal(got, []Answer{anAnswer}, cmp.Comparer(func(a, b Answer) bool { return a == b })) {
		t.Errorf("answers %+v", got)
	}
	alone, garbage, other, reply := good, good, good, good
	alone.group = false
	garbage.body = []byte("hello")
	other.body = question(t, Question{Cluster: "c-other"})
	reply.body = answer(t, anAnswer)
	if got := heard(t, nil, alone, garbage, other, reply); len(got) > 0 {
		t.Errorf("answered %+v", got)
	}
}

func TestResponder_AnswersAreLimited(t *testing.T) {
	t.Parallel()
	flood := slices.Repeat([]received{{body: question(t, aQuestion), from: netip.MustParseAddrPort("192.0.2.9:700"), index: 3, group: true}}, 100)
	if got := heard(t, rate.NewLimiter(0, 5), flood...); len(got) != 5 {
		t.Errorf("%d answers with room for 5", len(got))
	}
}

func TestProbe_NamesTheLinkOfTheClusterPort(t *testing.T) {
	t.Parallel()
	names, err := Probe(netip.MustParseAddr("127.0.0.1"))
	if err != nil || !cmp.Equal(names, []string{loopback(t)[0].Name}) {
		t.Errorf("%v, %v", names, err)
	}
	if names, err := Probe(netip.MustParseAddr("192.0.2.77")); err != nil || len(names) > 0 {
		t.Errorf("an address that this machine does not have is reached on %v, %v", names, err)
	}
}
