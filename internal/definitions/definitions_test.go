package definitions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"mcollective/client"
	"mcollective/ddl"
	"mcollective/discovery"
	"mcollective/internal/dirtest"
	"mcollective/message"
	"mcollective/rpc"
	"mcollective/value"
)

// A fakeFleet answers get_ddl with what each node gives: the JSON of a definition,
// "" for a node that does not answer, "-" for one that refuses.
type fakeFleet struct {
	t      *testing.T
	gives  map[string]string
	states map[string][]string // to who asks by name

	runs  [][]string // whom each run asked
	asked [][]string // whom each question for hashes
}

func (f *fakeFleet) Definitions(_ context.Context, q discovery.Query, nodes []string) (map[string][]string, error) {
	if q.Definition != "web" || q.Collective != "here" {
		f.t.Errorf("asked for %+v", q)
	}
	f.asked = append(f.asked, nodes)
	return f.states, nil
}

func (f *fakeFleet) Run(_ context.Context, r client.Run, each func(client.Answer)) (*client.Account, error) {
	if r.Agent != "rpcutil" || r.Action != "get_ddl" || !r.Direct || r.Collective != "here" || r.Timeout <= 0 || r.Timeout > roundTime {
		f.t.Errorf("ran %+v", r)
	}
	f.runs = append(f.runs, slices.Clone(r.Nodes))
	known, _ := r.Inputs.Get(value.Symbol("hash"))
	for _, n := range r.Nodes {
		text := f.gives[n]
		reply := rpc.NewReply()
		switch {
		case text == "":
			continue
		case text == "-":
			reply.Fail(rpc.Errorf(rpc.Aborted, "you may not"))
		default:
			hash := ddl.HashOf([]byte(text))
			reply.Set("hash", hash)
			if hash == known {
				text = ""
			}
			reply.Set("ddl", text)
		}
		parsed, err := rpc.ParseReply(reply.Body())
		if err != nil {
			f.t.Fatal(err)
		}
		a := client.Answer{Reply: &message.Reply{Sender: n}, RPC: parsed, Outcome: client.OK}
		if text == "-" {
			a.Outcome = client.Failed
		}
		each(a)
		each(a) // twice, which makes no other of it
	}
	each(client.Answer{Reply: &message.Reply{Sender: "stranger"}, Err: errors.New("nonsense")})
	return &client.Account{}, nil
}

func definition(text string) string {
	return `{"agent":"web","version":"` + text + `","actions":{"go":{}}}`
}

// hash is what a node states that has a definition.
func hash(text string) string {
	return message.StatedDefinition(message.StateDefinition(ddl.HashOf([]byte(text))))
}

func TestComplete(t *testing.T) {
	one, two, broken := definition("1"), definition("2"), `{"agent":"web","actoins":{}}`
	local, err := ddl.Parse("web.json", []byte(one))
	if err != nil {
		t.Fatal(err)
	}
	many := make([]string, 30)
	for i := range many {
		many[i] = fmt.Sprintf("n%02d", i)
	}
	versions := map[string]string{}
	statesAll := map[string][]string{}
	for i, n := range many[:12] {
		versions[n] = definition(fmt.Sprint(100 + i))
		statesAll[hash(versions[n])] = []string{n}
	}
	for name, tc := range map[string]struct {
		local  *ddl.Definition
		cached []string
		fleet  fakeFleet
		target Targets

		runs    int // how often nodes were asked for a definition
		most    int // how many nodes that were at once
		asked   int // how often for a hash
		version string
		proven  bool // it is believed that go is harmless
		differs string
		missing bool
	}{
		"all agree, and it is known": {
			cached: []string{one}, target: Targets{Nodes: many, Searched: true, Stated: map[string][]string{hash(one): many}},
			version: "1", proven: true,
		},
		"all agree": {
			fleet:  fakeFleet{gives: map[string]string{"n1": one, "n2": one}},
			target: Targets{Nodes: []string{"n1", "n2"}, Searched: true, Stated: map[string][]string{hash(one): {"n1", "n2"}}},
			runs:   1, most: 1, version: "1", proven: true,
		},
		"a stale one is in the cache": {
			cached: []string{two}, fleet: fakeFleet{gives: map[string]string{"n1": one, "n2": one}},
			target: Targets{Nodes: []string{"n1", "n2"}, Searched: true, Stated: map[string][]string{hash(one): {"n1", "n2"}}},
			runs:   1, most: 1, version: "1", proven: true,
		},
		"two disagree": {
			fleet:  fakeFleet{gives: map[string]string{"n1": one, "n2": two}},
			target: Targets{Nodes: []string{"n1", "n2"}, Searched: true, Stated: map[string][]string{hash(one): {"n1"}, hash(two): {"n2"}}},
			runs:   1, most: 2, version: "?",
		},
		"some give another than they state": {
			fleet:  fakeFleet{gives: map[string]string{"evil1": two, "evil2": two, "n1": one}},
			target: Targets{Nodes: []string{"evil1", "evil2", "n1"}, Searched: true, Stated: map[string][]string{hash(one): {"evil1", "evil2", "n1"}}},
			runs:   -1, most: 1, version: "1", proven: true,
		},
		"some do not answer or refuse": {
			fleet:  fakeFleet{gives: map[string]string{"evil": "-", "n1": one}},
			target: Targets{Nodes: []string{"evil", "mute", "n1"}, Searched: true, Stated: map[string][]string{hash(one): {"evil", "mute", "n1"}}},
			runs:   -1, most: 1, version: "1", proven: true,
		},
		"nobody gives what all state": {
			target: Targets{Nodes: many, Searched: true, Stated: map[string][]string{hash(one): many}},
			runs:   maxRounds, most: 1, missing: true,
		},
		"one that cannot be used": {
			fleet:  fakeFleet{gives: map[string]string{"n1": one, "n2": one, "evil": broken}},
			target: Targets{Nodes: []string{"n1", "n2", "evil"}, Searched: true, Stated: map[string][]string{hash(one): {"n1", "n2"}, hash(broken): {"evil"}}},
			runs:   1, most: 2, version: "1", missing: true, differs: `on evil could not be had: node evil: agent web: a node gave a definition that cannot be used: web.json:1: unknown key "actoins"`,
		},
		"more different ones than anybody has": {
			fleet: fakeFleet{gives: versions}, target: Targets{Nodes: many, Searched: true, Stated: statesAll},
			runs: 1, most: maxVersions, version: "?", missing: true, differs: "more than 8 different ones",
		},
		"who is not called does not count": {
			cached: []string{one, two}, version: "1",
			target: Targets{Nodes: []string{"n1", "n2"}, Searched: true, Stated: map[string][]string{hash(two): {"n8", "n9"}, hash(one): {"n1"}}},
		},
		"nodes that state nothing": { // those of Ruby, or a broker that drops headers
			fleet:  fakeFleet{gives: map[string]string{"n00": "-", "n01": one, "n02": one}},
			target: Targets{Nodes: many, Searched: true}, runs: 1, most: maxAsked, version: "1",
			differs: "no definition of agent web comes from n00, n03, n04 and 25 more",
		},
		"nodes of Ruby, and some that state theirs": {
			cached: []string{one}, target: Targets{Nodes: many, Searched: true, Stated: map[string][]string{hash(one): many[:29]}},
			version: "1", differs: "no definition of agent web comes from n29,",
		},
		"a file, and nodes of Ruby": {
			local: local, target: Targets{Nodes: many, Searched: true, Stated: map[string][]string{hash(one): many[:2]}}, version: "1", proven: true,
		},
		"nodes that state nothing, and of which one has it": {
			fleet:  fakeFleet{gives: map[string]string{"n00": "-", "n01": "-", "n02": "-", "n03": "-", "n05": one}},
			target: Targets{Nodes: many, Searched: true}, runs: 2, most: maxAsked, version: "1",
		},
		"nodes that state nothing and give nothing": {
			target: Targets{Nodes: many, Searched: true}, runs: maxRounds, most: maxAsked,
		},
		"an unusable one among those": {
			fleet:  fakeFleet{gives: map[string]string{"n00": broken, "n01": one, "n02": one}},
			target: Targets{Nodes: many, Searched: true}, runs: 1, most: maxAsked, version: "1", missing: true, differs: "on n00 could not be had",
		},
		"few that are named": {
			cached: []string{one}, fleet: fakeFleet{gives: map[string]string{"n1": one, "n2": one}},
			target: Targets{Nodes: []string{"n1", "n2"}}, runs: 1, most: 2, version: "1", proven: true,
		},
		"few that are named and have another than the cache": {
			cached: []string{two}, fleet: fakeFleet{gives: map[string]string{"n1": one, "n2": one}},
			target: Targets{Nodes: []string{"n1", "n2"}}, runs: 1, most: 2, version: "1", proven: true,
		},
		"many that are named": {
			cached: []string{one}, fleet: fakeFleet{states: map[string][]string{hash(one): many[:20]}},
			target: Targets{Nodes: many}, asked: 1, version: "1", differs: "no definition of agent web comes from n20, n21, n22 and 7 more",
		},
		"many that are named, and each states": {
			cached: []string{one}, fleet: fakeFleet{states: map[string][]string{hash(one): many}},
			target: Targets{Nodes: many}, asked: 1, version: "1", proven: true,
		},
		"one that is called alone": {
			fleet: fakeFleet{gives: map[string]string{"n1": one}}, target: Targets{Nodes: []string{"n1"}}, runs: 1, most: 1, version: "1", proven: true,
		},
		"nobody": {cached: []string{one}, target: Targets{Searched: true}},
		"a file, and all agree": {
			local: local, target: Targets{Nodes: many, Searched: true, Stated: map[string][]string{hash(one): many}}, version: "1", proven: true,
		},
		"a file, and one has another": {
			local: local, fleet: fakeFleet{gives: map[string]string{"n29": two}}, version: "1", proven: true, runs: 1, most: 1,
			target: Targets{Nodes: many, Searched: true, Stated: map[string][]string{hash(one): many[:29], hash(two): many[29:]}},
		},
		"all refuse": {
			fleet: fakeFleet{gives: map[string]string{"n1": "-", "n2": "-"}}, target: Targets{Nodes: []string{"n1", "n2"}},
			runs: 1, most: 2, missing: true, differs: "the definition of agent web on n1, n2 could not be had: you may not",
		},
		"some refuse, and state none": {
			fleet: fakeFleet{gives: map[string]string{"n1": "-", "n2": one}}, target: Targets{Nodes: []string{"n1", "n2"}},
			runs: 1, most: 2, version: "?", differs: "no definition of agent web comes from n1",
		},
		"a file, and nodes that are named": {local: local, target: Targets{Nodes: many}, version: "1", proven: true},
	} {
		t.Run(name, func(t *testing.T) {
			fleet := tc.fleet
			fleet.t = t
			cache := ddl.Cache{Dir: dirtest.New(t)}
			for _, text := range tc.cached {
				if err := cache.Put("web", []byte(text)); err != nil {
					t.Fatal(err)
				}
			}
			f := &Finder{Client: &fleet, Collective: "here", Cache: cache, Log: slog.New(slog.DiscardHandler)}
			c := ddl.NewContract("web", tc.local)
			if err := f.Complete(t.Context(), c, tc.target); err != nil {
				t.Fatal(err)
			}
			if tc.runs >= 0 && len(fleet.runs) != tc.runs || len(fleet.runs) > maxRounds {
				t.Errorf("asked %d times for definitions: %v", len(fleet.runs), fleet.runs)
			}
			most := 0
			for _, nodes := range fleet.runs {
				most = max(most, len(nodes))
			}
			if most != tc.most || len(fleet.asked) != tc.asked {
				t.Errorf("asked %d nodes at once, and %d times for hashes", most, len(fleet.asked))
			}
			d := c.Definition()
			switch {
			case tc.version == "":
				if d != nil {
					t.Errorf("the definition is %v", d.Metadata)
				}
			case d == nil, tc.version != "?" && d.Metadata.Version != tc.version:
				t.Errorf("the definition is %v, want version %s", d, tc.version)
			default:
				if destructive, why := c.Destructive("go"); destructive == tc.proven {
					t.Errorf("destructive %v: %s", destructive, why)
				}
			}
			said := strings.Join(c.Differences("go"), "\n")
			if strings.Contains(said, "could not be had") != tc.missing || !strings.Contains(said, tc.differs) {
				t.Errorf("said %q, want %q", said, tc.differs)
			}
			if latest := cache.Latest("web"); d != nil && tc.local == nil && (latest == nil || latest.Definition.Hash() != d.Hash()) {
				t.Errorf("what was used last is %v", latest)
			}
		})
	}
}

// Two hashes under one name do not make two nodes of one.
func TestOneNodeThatStatesTwo(t *testing.T) {
	// The same definition, once as it is written and once with a blank.
	one := definition("1")
	other := strings.Replace(one, ",", ", ", 1)
	fleet := &fakeFleet{t: t, gives: map[string]string{"evil": one}}
	cache := ddl.Cache{Dir: dirtest.New(t)}
	if err := cache.Put("web", []byte(other)); err != nil {
		t.Fatal(err)
	}
	f := &Finder{Client: fleet, Collective: "here", Cache: cache, Log: slog.New(slog.DiscardHandler)}
	c := ddl.NewContract("web", nil)
	stated := map[string][]string{hash(one): {"evil"}, hash(other): {"evil"}}
	if err := f.Complete(t.Context(), c, Targets{Nodes: []string{"evil", "ruby"}, Searched: true, Stated: stated}); err != nil {
		t.Fatal(err)
	}
	if destructive, _ := c.Destructive("go"); !destructive {
		t.Error("it is believed like two")
	}
}

// A node that states a thousand makes one line of it, and the action one that asks.
func TestOneNodeThatStatesThousands(t *testing.T) {
	good := definition("1")
	fleet := &fakeFleet{t: t, gives: map[string]string{"a": good, "b": good}}
	f := &Finder{Client: fleet, Collective: "here", Cache: ddl.Cache{Dir: dirtest.New(t)}, Log: slog.New(slog.DiscardHandler)}
	c := ddl.NewContract("web", nil)
	stated := map[string][]string{hash(good): {"a", "b"}}
	for i := range 1000 {
		stated[hash(fmt.Sprint(i))] = []string{"evil"}
	}
	if err := f.Complete(t.Context(), c, Targets{Nodes: []string{"a", "b", "evil"}, Searched: true, Stated: stated}); err != nil {
		t.Fatal(err)
	}
	if lines := c.Differences("go"); len(lines) == 0 || len(lines) > maxVersions {
		t.Errorf("%d warnings: %.200q", len(lines), lines)
	}
	for _, line := range c.Differences("go") {
		if strings.Count(line, "evil") > 2 {
			t.Errorf("it is named again and again: %s", line)
		}
	}
	if destructive, _ := c.Destructive("go"); !destructive {
		t.Error("the action is believed to be harmless")
	}
}

// A user who breaks it off is not told that the agent is unknown.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f := &Finder{Client: &fakeFleet{t: t}, Collective: "here", Log: slog.New(slog.DiscardHandler)}
	if err := f.Complete(ctx, ddl.NewContract("web", nil), Targets{Nodes: []string{"n1"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
