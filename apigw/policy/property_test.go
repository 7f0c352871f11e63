// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// generator makes small sets of documents out of few words, so that they meet each other often.
type generator struct {
	t   testing.TB
	rnd *rand.Rand
}

func pick[T any](g *generator, of ...T) T { return of[g.rnd.IntN(len(of))] }

func (g *generator) statement(kind Kind) string {
	var b strings.Builder
	fmt.Fprintf(&b, `"Effect":%q`, pick(g, Allow, Allow, Deny))
	fmt.Fprintf(&b, `,%q:%q`, pick(g, "Action", "Action", "NotAction"), pick(g, "*", "s3:*", "s3:GetObject", "ec2:*", "s3:Get*"))
	fmt.Fprintf(&b, `,%q:%q`, pick(g, "Resource", "Resource", "NotResource"), pick(g, "*", bucket, "arn:aws:s3:::data/*", "arn:aws:s3:::${aws:username}/*", "arn:aws:ec2"))
	if kind == Resource {
		fmt.Fprintf(&b, `,%q:{"AWS":[%q,%q]}`, pick(g, "Principal", "Principal", "NotPrincipal"), pick(g, alice.ARN, stormy.ARN, stormy.RoleARN, home, foreign), pick(g, alice.ARN, home, foreign, "*"))
	}
	if g.rnd.IntN(3) == 0 {
		fmt.Fprintf(&b, `,"Condition":{%q:{%q:%q}}`, pick(g, "", "ForAllValues:", "ForAnyValue:")+pick(g, "StringEquals", "StringNotLike", "StringLikeIfExists"),
			pick(g, "aws:username", "test:many", "test:none"), pick(g, "alice", "a", "*", "${aws:username}"))
	}
	return b.String()
}

func (g *generator) sources(kind Kind) []Source {
	var out []Source
	for range g.rnd.IntN(3) {
		var statements []string
		for range 1 + g.rnd.IntN(3) {
			statements = append(statements, g.statement(kind))
		}
		out = append(out, inside(g.t, kind, statements...))
	}
	return out
}

func (g *generator) layer() *Layer {
	if g.rnd.IntN(2) == 0 {
		return nil
	}
	return &Layer{Sources: g.sources(Identity)}
}

func (g *generator) set() Set {
	s := Set{Identity: g.sources(Identity), Resource: g.sources(Resource), Boundary: g.layer(), Session: g.layer(), Endpoint: g.layer()}
	for range g.rnd.IntN(3) {
		s.SCPs = append(s.SCPs, Layer{Sources: g.sources(SCP)})
	}
	if l := g.layer(); l != nil {
		s.RCPs = []Layer{*l}
	}
	return s
}

func (g *generator) request() Request {
	return Request{Principal: pick(g, alice, stormy, feder, rooty, guest, ec2svc), Action: pick(g, "s3:GetObject", "s3:PutObject", "ec2:RunInstances"),
		Resource: pick(g, bucket, "*", "arn:aws:s3:::alice/x"), ResourceAccount: pick(g, "", home, foreign), ResourceDecides: g.rnd.IntN(4) == 0,
		Context: Keys{"test:many": {"a", "b"}, "test:one": {"a"}}}
}

// places are all lists of documents of a set that exist.
func places(s *Set) []*[]Source {
	out := []*[]Source{&s.Identity, &s.Resource}
	for _, l := range []*Layer{s.Boundary, s.Session, s.Endpoint} {
		if l != nil {
			out = append(out, &l.Sources)
		}
	}
	for i := range s.SCPs {
		out = append(out, &s.SCPs[i].Sources)
	}
	for i := range s.RCPs {
		out = append(out, &s.RCPs[i].Sources)
	}
	return out
}

// copySet copies the lists of a set, so that one of them can be changed.
func copySet(s Set) Set {
	s.Identity, s.Resource = slices.Clone(s.Identity), slices.Clone(s.Resource)
	layer := func(l *Layer) *Layer {
		if l == nil {
			return nil
		}
		return &Layer{Sources: slices.Clone(l.Sources)}
	}
	s.Boundary, s.Session, s.Endpoint = layer(s.Boundary), layer(s.Session), layer(s.Endpoint)
	s.SCPs, s.RCPs = slices.Clone(s.SCPs), slices.Clone(s.RCPs)
	for i := range s.SCPs {
		s.SCPs[i] = *layer(&s.SCPs[i])
	}
	for i := range s.RCPs {
		s.RCPs[i] = *layer(&s.RCPs[i])
	}
	return s
}

// check holds the three laws against one seed.
func check(t testing.TB, seed uint64) {
	g := &generator{t: t, rnd: rand.New(rand.NewPCG(seed, 1))}
	request, set := g.request(), g.set()
	before := Evaluate(request, set)
	if before.Allowed && before.Explicit {
		t.Fatalf("seed %d: allowed and denied", seed)
	}
	brief := request
	brief.Brief = true
	if b := Evaluate(brief, set); b.Allowed != before.Allowed || b.Explicit != before.Explicit || b.Layer != before.Layer {
		t.Fatalf("seed %d: in brief %+v, at length %+v", seed, b, before)
	}
	for i := range places(&set) {
		changed := copySet(set)
		list := places(&changed)[i]
		kind, extra := Identity, ""
		if list == &changed.Resource {
			kind, extra = Resource, `"Principal":"*",`
		}
		*list = append(*list, inside(t, kind, extra+`"Effect":"Deny","Action":"*","Resource":"*"`))
		if after := Evaluate(request, changed); after.Allowed {
			t.Fatalf("seed %d: a Deny of everything in list %d leaves it allowed", seed, i)
		}
		changed = copySet(set)
		list = places(&changed)[i]
		*list = append(*list, inside(t, kind, strings.Replace(g.statement(kind), `"Allow"`, `"Deny"`, 1)))
		if after := Evaluate(request, changed); after.Allowed && !before.Allowed {
			t.Fatalf("seed %d: one more Deny in list %d allows", seed, i)
		}
		changed = copySet(set)
		list = places(&changed)[i]
		*list = append(*list, inside(t, kind, extra+allowAll))
		if after := Evaluate(request, changed); before.Explicit && !after.Explicit {
			t.Fatalf("seed %d: one more Allow in list %d overrides an explicit Deny", seed, i)
		} else if before.Allowed && !after.Allowed {
			t.Fatalf("seed %d: one more Allow in list %d refuses", seed, i)
		}
	}
	shuffled := copySet(set)
	for _, list := range places(&shuffled) {
		slices.Reverse(*list)
		for i, s := range *list {
			d := *s.Document
			d.Statements = slices.Clone(d.Statements)
			g.rnd.Shuffle(len(d.Statements), func(a, b int) { d.Statements[a], d.Statements[b] = d.Statements[b], d.Statements[a] })
			(*list)[i].Document = &d
		}
	}
	slices.Reverse(shuffled.SCPs)
	after := Evaluate(request, shuffled)
	if after.Allowed != before.Allowed || after.Explicit != before.Explicit || after.Layer != before.Layer || len(after.Matched) != len(before.Matched) {
		t.Fatalf("seed %d: another order, another decision: %+v and %+v", seed, before, after)
	}
}

func TestLawsOfEvaluation(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3000) {
		check(t, seed)
	}
}

func FuzzEvaluate(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) { check(t, seed) })
}

// FuzzParse: no text makes the parser or, when it is a document, the evaluator panic; a refusal has a message.
func FuzzParse(f *testing.F) {
	g := &generator{t: f, rnd: rand.New(rand.NewPCG(1, 1))}
	for range 10 {
		f.Add(statement(g.statement(Identity)), "ec2:RunInstances", "arn:aws:ec2:r:1:instance/*")
		f.Add(statement(g.statement(Resource)), "s3:GetObject", bucket)
	}
	f.Add(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"a:?*?*?*","Resource":"arn:${x}:${*}:*?"}}`, "a:b", "arn:")
	f.Fuzz(func(t *testing.T, text, action, resource string) {
		for _, kind := range []Kind{Identity, Trust, Resource, SCP, Session} {
			d, err := Parse(kind, text)
			if err != nil {
				if err.Error() == "" || d != nil {
					t.Errorf("%q: document %v, error %q", text, d, err)
				}
				continue
			}
			source := []Source{{Document: d}}
			Evaluate(Request{Principal: alice, Action: action, Resource: resource, Context: Keys{"x": {action}}},
				Set{Identity: source, Resource: source, Boundary: NewLayer(source...), SCPs: []Layer{{Sources: source}}})
			d.ContextKeys()
			d.PrincipalARNs()
		}
	})
}
