package cli_test

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"mcollective/connector"
	"mcollective/filter"
	"mcollective/internal/config"
	"mcollective/internal/subtest"
	"mcollective/message"
	"mcollective/security"
)

// times replaces what differs from run to run.
func times(s string) string {
	return regexp.MustCompile(`\d+\.\d\d`).ReplaceAllString(s, "N")
}

func TestPingPrintsWhatRubyPrints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, "n1", "a-node-with-a-name-that-is-longer-than-forty-columns")
		start := time.Now()
		r := f.mco("").exits(t, 0, "ping", "--sort")
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("waited %v, want 5s", took)
		}
		want := "" +
			"a-node-with-a-name-that-is-longer-than-forty-columns time=N ms\n" +
			"n1                                       time=N ms\n" +
			"\n\n---- ping statistics ----\n" +
			"2 replies max: N min: N avg: N \n"
		if diff := cmp.Diff(want, times(r.out.String())); diff != "" {
			t.Error(diff)
		}
		if r.err.Len() > 0 {
			t.Errorf("stderr: %s", &r.err)
		}
		if req := f.sent()[0]; req.Agent != "discovery" || req.Body != "ping" || req.Sender != "me" || len(req.Filter.Agents) != 0 || req.Filter.Collective != "" {
			t.Errorf("request is %+v", req)
		}
	})
}

func TestPingSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFleet(t).mco("").exits(t, 4, "ping", "-t", "1")
		if want := "\n\n---- ping statistics ----\nNo responses received\n"; r.out.String() != want {
			t.Errorf("got %q, want %q", r.out.String(), want)
		}
	})
}

func TestPingWaits(t *testing.T) {
	for _, tc := range []struct {
		words string
		cfg   string
		want  time.Duration
	}{
		{"", "", 5 * time.Second},
		{"-t 2", "", 2 * time.Second},
		{"-t 5 --dt 3", "", 5 * time.Second}, // Ruby takes -t 5 for no -t at all
		{"--dt 3", "", 8 * time.Second},
		{"", "discovery_timeout = 4", 9 * time.Second},
		{"--timeout=0.25", "", 250 * time.Millisecond},
		{"-t2 -S fstat('/etc/hosts').size>1", "", 3 * time.Second},
	} {
		t.Run(subtest.Name(tc.words, tc.cfg), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t, "n1")
				start := time.Now()
				f.mco(tc.cfg).exits(t, 0, append([]string{"ping"}, strings.Fields(tc.words)...)...)
				if took := time.Since(start); took != tc.want {
					t.Errorf("%s %s: waited %v, want %v", tc.words, tc.cfg, took, tc.want)
				}
			})
		})
	}
}

func TestPingGraph(t *testing.T) {
	for _, words := range []string{"--graph", "-g"} {
		synctest.Test(t, func(t *testing.T) {
			r := newFleet(t, "n1").mco("").exits(t, 0, "ping", words)
			if !strings.HasSuffix(r.out.String(), " ▇\n") {
				t.Errorf("%s: got %q", words, r.out.String())
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		r := newFleet(t, "n1").mco("plugin.rpc.graph = 1").exits(t, 0, "ping")
		if !strings.HasSuffix(r.out.String(), " ▇\n") {
			t.Errorf("with plugin.rpc.graph: got %q", r.out.String())
		}
	})
}

func TestPingFiltersAndTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, "n1", "n2")
		r := f.mco("").exits(t, 0, "ping", "-I", "n2", "--wf", "a=b,c", "-Cweb", "-A", "/^rpc/", "-W", "x=1 db", "--ttl", "7", "-T", "uk")
		if strings.Contains(r.out.String(), "n1 ") || !strings.Contains(r.out.String(), "n2 ") {
			t.Errorf("stdout: %s", &r.out)
		}
		req := f.sent()[0]
		want := filter.Filter{
			Facts:      []filter.Fact{{Name: "x", Operator: "==", Value: "1"}, {Name: "a", Operator: "==", Value: "b,c"}},
			Classes:    []filter.Pattern{{Text: "db"}, {Text: "web"}},
			Agents:     []filter.Pattern{{Text: "/^rpc/"}},
			Identities: []filter.Pattern{{Text: "n2"}},
		}
		if diff := cmp.Diff(want, req.Filter); diff != "" {
			t.Error(diff)
		}
		if req.TTL != 7*time.Second || req.Collective != "uk" {
			t.Errorf("request is %+v", req)
		}
	})
}

func TestPingNodesAsksDirectly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, "n1", "n2", "n3")
		write(t, f.dir+"/nodes", "n1\nn2\n")
		start := time.Now()
		r := f.mco("").exits(t, 0, "ping", "--nodes", f.dir+"/nodes", "-v")
		if took := time.Since(start); took != 0 {
			t.Errorf("waited %v though all had answered", took)
		}
		if strings.Contains(r.out.String(), "n3") || !strings.Contains(r.out.String(), "2 replies") {
			t.Errorf("stdout: %s", &r.out)
		}
		if len(f.sentTo()) != 2 || f.sentTo()[0].Kind != connector.Directed {
			t.Errorf("sent to %v", f.sentTo())
		}
		write(t, f.dir+"/nodes", "n1\nsilent\n")
		r.exits(t, 0, "ping", "--dm", "flatfile", "--do", f.dir+"/nodes", "-v")
		if !strings.Contains(r.err.String(), "No response from silent\n") || !strings.Contains(r.err.String(), "No Response: 1\n") {
			t.Errorf("stderr: %s", &r.err)
		}
	})
}

func TestPingInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := newFleet(t, "n1").mco("").interruptAfter(time.Second).exits(t, 4, "ping")
		if time.Since(start) != time.Second || !strings.Contains(r.out.String(), "1 replies max") {
			t.Errorf("after %v: %s", time.Since(start), &r.out)
		}
	})
}

func TestPingJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, "n1")
		r := f.mco("").exits(t, 0, "ping", "-j")
		if got := times(r.out.String()); got != `[{"sender":"n1","time_ms":0}]`+"\n" {
			t.Errorf("got %q", got)
		}
		r.env.OutTerminal = true
		r.exits(t, 0, "ping", "-j")
		if got := r.out.String(); !strings.Contains(got, "[\n  {\n    \"sender\"") {
			t.Errorf("on a terminal got %q", got)
		}
	})
}

// renamed lets through a sender that no provider would.
type renamed struct {
	security.Client
	sender string
}

func (r renamed) DecodeReply(ctx context.Context, req *message.Request, p security.Payload) (*message.Reply, error) {
	reply, err := r.Client.DecodeReply(ctx, req, p)
	if err == nil {
		reply.Sender = r.sender
	}
	return reply, err
}

func TestHostileNamesAreCleaned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, "n1")
		r := f.mco("")
		r.env.ClientSecurity = func(*config.Config) (security.Client, []string, error) {
			return renamed{f.Security, "evil\x1b[2J\nn9\u202e"}, nil, nil
		}
		r.exits(t, 0, "ping")
		if !strings.HasPrefix(r.out.String(), `evil\x1b[2J\x0an9\u202e `) {
			t.Errorf("ping: %q", r.out.String())
		}
		r.exits(t, 0, "find")
		if r.out.String() != `evil\x1b[2J\x0an9\u202e`+"\n" {
			t.Errorf("find: %q", r.out.String())
		}
		r.exits(t, 0, "find", "-j")
		if r.out.String() != `[{"sender":"evil\u001b[2J\nn9\u202e"}]`+"\n" {
			t.Errorf("find -j: %q", r.out.String())
		}
	})
}

func TestPingNodesLeavesOtherFiltersToTheNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, "n1", "n2")
		write(t, f.dir+"/nodes", "n1\nn2\n")
		f.mco("").exits(t, 0, "ping", "--nodes", f.dir+"/nodes", "-S", "a=b", "-I", "/1/", "-I", "n1")
		if len(f.sent()) != 1 || len(f.sent()[0].Filter.Compound) != 1 || f.sentTo()[0].Identity != "n1" {
			t.Errorf("requests %+v to %+v", f.sent(), f.sentTo())
		}
	})
}
