package swarm_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mcollective/client"
	"mcollective/connector"
	"mcollective/discovery"
	"mcollective/filter"
	"mcollective/internal/fleettest"
	"mcollective/internal/subtest"
	"mcollective/internal/swarm"
	"mcollective/internal/waittest"
	"mcollective/value"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheSameSeedGivesTheSameNodes(t *testing.T) {
	names := map[string]bool{}
	addresses := map[any]bool{}
	for i := range 2000 {
		a := swarm.Describe(7, i)
		if i < 100 && !reflect.DeepEqual(a, swarm.Describe(7, i)) {
			t.Fatalf("node %d differs from itself", i)
		}
		names[a.Identity] = true
		addresses[a.Facts["ipaddress"]] = true
	}
	if len(names) != 2000 || len(addresses) != 2000 {
		t.Errorf("%d names and %d addresses of 2000 nodes", len(names), len(addresses))
	}
	if reflect.DeepEqual(swarm.Describe(7, 0).Facts, swarm.Describe(8, 0).Facts) {
		t.Error("another seed gives the same node")
	}
}

func TestFactsVaryAndAreText(t *testing.T) {
	seen := map[string]map[any]int{}
	for i := range 200 {
		n := swarm.Describe(1, i)
		for name, v := range n.Facts {
			onlyText(t, name, v)
			if seen[name] == nil {
				seen[name] = map[any]int{}
			}
			if s, ok := v.(string); ok {
				seen[name][s]++
			}
		}
		if n.Facts["fqdn"] != n.Identity || len(n.Classes) < 5 {
			t.Errorf("%s has fqdn %v and classes %v", n.Identity, n.Facts["fqdn"], n.Classes)
		}
		os := n.Facts["os"].(map[string]any)
		if os["name"] != n.Facts["operatingsystem"] {
			t.Errorf("%s is %v and %v", n.Identity, os["name"], n.Facts["operatingsystem"])
		}
	}
	for name, least := range map[string]int{"operatingsystem": 6, "operatingsystemrelease": 9, "processorcount": 5, "memorysize": 20,
		"role": 6, "datacenter": 6, "zone": 15, "environment": 3, "timezone": 4, "virtual": 3} {
		t.Run(name, func(t *testing.T) {
			if len(seen[name]) < least {
				t.Errorf("fact %s has %d values: %v", name, len(seen[name]), seen[name])
			}
		})
	}
	if n := seen["operatingsystem"]["CentOS"]; n < 30 || n > 90 {
		t.Errorf("%d of 200 nodes are CentOS", n)
	}
}

func onlyText(t *testing.T, name string, v any) {
	t.Helper()
	switch v := v.(type) {
	case string:
		if v == "" {
			t.Errorf("fact %s is empty", name)
		}
	case map[string]any:
		for k, inner := range v {
			onlyText(t, name+"."+k, inner)
		}
	default:
		t.Errorf("fact %s is %T", name, v)
	}
}

// world is a swarm in memory and a client.
func world(t *testing.T, nodes int) (*swarm.Swarm, *client.Client) {
	t.Helper()
	f := fleettest.New(t, fleettest.Options{})
	return f.Simulate(swarm.Options{Nodes: nodes, Seed: 3}), f.Client("client.example.net")
}

func TestEachNodeDecidesForItself(t *testing.T) {
	s, c := world(t, 100)
	for _, test := range []struct {
		fact filter.Fact
		ok   func(swarm.Node) bool
	}{
		{filter.Fact{Name: "operatingsystem", Operator: "==", Value: "CentOS"}, func(n swarm.Node) bool { return n.Facts["operatingsystem"] == "CentOS" }},
		{filter.Fact{Name: "datacenter", Operator: "!=", Value: "ams"}, func(n swarm.Node) bool { return n.Facts["datacenter"] != "ams" }},
		{filter.Fact{Name: "kernelrelease", Operator: "=~", Value: "el[78]"}, func(n swarm.Node) bool {
			v := n.Facts["kernelrelease"].(string)
			return strings.Contains(v, "el7") || strings.Contains(v, "el8")
		}},
	} {
		t.Run(subtest.Name(test.fact), func(t *testing.T) {
			var want []string
			for _, n := range s.Nodes() {
				if test.ok(n) {
					want = append(want, n.Identity)
				}
			}
			found, err := c.Find(t.Context(), discovery.Query{
				Filter: filter.Filter{Facts: []filter.Fact{test.fact}, Agents: []filter.Pattern{{Text: "rpcutil"}}}, Timeout: 10 * time.Second}, func(string) {}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !found.Exact || found.Asked != 100 || found.Took > 8*time.Second {
				t.Errorf("%v: of %d nodes %v did not speak in %v", test.fact, found.Asked, found.Silent, found.Took)
			}
			got := map[string]bool{}
			for _, name := range found.Nodes {
				got[name] = true
			}
			for _, name := range want {
				if !got[name] {
					t.Errorf("%v: %s is missing", test.fact, name)
				}
			}
			if len(got) != len(want) || len(want) == 0 {
				t.Errorf("%v: %d nodes answered, want %d", test.fact, len(got), len(want))
			}
		})
	}
	// An answer may be here before it is counted there.
	waittest.Until(t, "300 replies to be counted", func() bool { return s.Stats().Replies >= 300 })
	if st := s.Stats(); st.Total != 300 || st.Unvalidated != 0 || st.Passed+st.Filtered != 300 || st.Replies != 300 {
		t.Errorf("counted %+v", st)
	}
}

func TestRpcutilPing(t *testing.T) {
	s, c := world(t, 2)
	ask := func(action string) *value.Map {
		var body any
		_, err := c.Call(t.Context(), client.Call{
			Agent: "rpcutil", Nodes: []string{s.Nodes()[1].Identity}, Direct: true, Timeout: 10 * time.Second,
			Body: value.NewMap(value.Symbol("agent"), "rpcutil", value.Symbol("action"), action, value.Symbol("data"), value.NewMap(),
				value.Symbol("caller"), "uid=0"),
		}, func(r client.Answer) { body = r.Body })
		if err != nil {
			t.Fatal(err)
		}
		h, ok := body.(*value.Map)
		if !ok {
			t.Fatalf("the answer is %T", body)
		}
		return h
	}
	if code, _ := ask("ping").Get(value.Symbol("statuscode")); code != int64(0) {
		t.Errorf("ping ends with status %v", code)
	}
	if code, _ := ask("reboot").Get(value.Symbol("statuscode")); code != int64(4) {
		t.Errorf("an unknown action ends with status %v", code)
	}
}

func TestFailedStartLeavesNothing(t *testing.T) {
	f := fleettest.New(t, fleettest.Options{})
	full := errors.New("no more")
	made := make(chan struct{}, 10)
	_, err := swarm.Start(t.Context(), swarm.Options{
		Nodes: 50, Security: f.Security, Parallel: 4,
		Connect: func(ctx context.Context, identity string) (connector.Connector, error) {
			select {
			case made <- struct{}{}:
				return f.Connect(ctx, identity)
			default:
				return nil, full
			}
		},
	})
	if !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	for _, o := range []swarm.Options{{}, {Nodes: 1}} {
		if _, err := swarm.Start(t.Context(), o); err == nil {
			t.Errorf("%+v started", o)
		}
	}
}
