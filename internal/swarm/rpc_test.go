package swarm_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"mcollective/agent"
	"mcollective/client"
	"mcollective/connector"
	"mcollective/ddl"
	"mcollective/internal/fleettest"
	"mcollective/internal/server"
	"mcollective/internal/swarm"
	"mcollective/rpc"
	"mcollective/value"
)

// A trouble is what a node of a test does wrong.
type trouble int

const (
	none  trouble = iota
	fails         // the action ends with status 1
	hangs         // the action does not end before its time limit
	mute          // the answer is lost
	dies          // the node goes down in the middle of the action
	twice         // the answer comes twice
	total
)

// outcomes are what the account has to say of nodes in trouble.
var outcomes = map[trouble]client.Outcome{
	none: client.OK, fails: client.Failed, hangs: client.TimedOut, mute: client.TimedOut, dies: client.TimedOut, twice: client.OK,
}

// A faulty connection loses or doubles answers.
type faulty struct {
	connector.Connector
	what trouble
}

func (f faulty) Publish(ctx context.Context, to connector.Target, m connector.Message) error {
	if f.what == mute && to.Kind == connector.Reply {
		return nil
	}
	err := f.Connector.Publish(ctx, to, m)
	if f.what == twice && err == nil {
		err = f.Connector.Publish(ctx, to, m)
	}
	return err
}

// worker is the definition of the agent "work".
var worker = &ddl.Definition{Kind: ddl.Agent, Metadata: rpc.Metadata{Agent: "work", Timeout: 3 * time.Second}, Actions: []*ddl.Action{
	{Name: "do", Outputs: []*ddl.Output{{Name: "done"}}},
}}

// troubled starts a swarm of which each hundredth node, from the first on, is in
// one trouble after the other. Its agent "work" takes a second.
func troubled(t *testing.T, nodes int) (*swarm.Swarm, *client.Client, map[string]trouble) {
	t.Helper()
	f := fleettest.New(t, fleettest.Options{})
	in := make(map[string]trouble)
	for i := range nodes {
		what := none
		if i%100 == 0 {
			what = trouble(i/100%int(total-1)) + 1
		}
		in[swarm.Describe(3, i).Identity] = what
	}
	t.Cleanup(func() { time.Sleep(2 * time.Second) }) // nobody waits for actions that hang: they end meanwhile
	s := f.Simulate(swarm.Options{
		Nodes: nodes, Seed: 3,
		Connect: func(ctx context.Context, identity string) (connector.Connector, error) {
			c, err := f.Connect(ctx, identity)
			return faulty{c, in[identity]}, err
		},
		Tune: func(o *server.Options) {
			mux, err := agent.MuxOf(worker, map[string]agent.ActionFunc{"do": func(ctx context.Context, _ *agent.Request, reply *rpc.Reply) error {
				time.Sleep(time.Second)
				reply.Set("done", true)
				switch in[o.Identity] {
				case fails:
					return rpc.Errorf(rpc.Aborted, "it does not work")
				case hangs:
					<-ctx.Done()
					time.Sleep(time.Second) // and takes no notice of it
				case dies:
					o.Connector.Close()
				}
				return nil
			}})
			if err != nil {
				t.Error(err)
				return
			}
			o.Handlers["work"] = agent.NewHandler(mux, agent.Options{})
		},
	})
	return s, f.Client("client.example.net"), in
}

// judge compares an account with what the nodes did.
func judge(t *testing.T, a *client.Account, asked []string, in map[string]trouble, answers int) {
	t.Helper()
	want := make(map[string]client.Outcome, len(asked))
	count, replies := map[client.Outcome]int{}, 0
	var doubled []string
	for _, name := range asked {
		o := outcomes[in[name]]
		want[name] = o
		count[o]++
		switch in[name] {
		case mute, dies:
		case twice:
			doubled = append(doubled, name)
			replies += 2
		default:
			replies++
		}
	}
	if diff := cmp.Diff(want, a.Outcomes); diff != "" {
		t.Errorf("outcomes:\n%s", diff)
	}
	if diff := cmp.Diff(count, a.Count); diff != "" {
		t.Errorf("counts:\n%s", diff)
	}
	if len(a.Duplicates) != len(doubled) || a.Undecodable != 0 || len(a.Unexpected) != 0 {
		t.Errorf("%v answered twice, want %v; %d undecodable, strangers %v", a.Duplicates, doubled, a.Undecodable, a.Unexpected)
	}
	if a.Replies != replies || answers != replies {
		t.Errorf("%d replies are counted, %d came, want %d", a.Replies, answers, replies)
	}
}

// TestAccountOfAThousand calls a swarm in which some nodes are in trouble.
func TestAccountOfAThousand(t *testing.T) {
	seed := uint64(5)
	for name, tc := range map[string]struct {
		limit client.Limit
		run   client.Run
		took  func(asked int) time.Duration // 0: whatever it takes
	}{
		"broadcast": {took: func(int) time.Duration { return 5 * time.Second }},
		"direct":    {run: client.Run{Direct: true}, took: func(int) time.Duration { return 5 * time.Second }},
		"a tenth":   {limit: client.Limit{Percent: 10, Random: true, Seed: &seed}, run: client.Run{Direct: true}},
		"the first": {limit: client.Limit{Count: 101}, run: client.Run{Direct: true}},
		"batches":   {run: client.Run{Batch: 250, BatchSleep: 100 * time.Millisecond}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				nodes := 500
				if tc.run.Batch > 0 && !testing.Short() {
					nodes = 1000
				}
				s, c, in := troubled(t, nodes)
				var all []string
				for _, n := range s.Nodes() {
					all = append(all, n.Identity)
				}
				r := tc.run
				r.Nodes = tc.limit.Pick(all)
				r.Agent, r.Action, r.Timeout = "work", "do", 5*time.Second
				r.Inputs = value.NewMap(value.Symbol("what"), "something")
				answers, sent := 0, 0
				r.Sent = func(n int) { sent += n }
				a, err := c.Run(t.Context(), r, func(x client.Answer) {
					if answers++; x.Err != nil || x.Outcome == client.OK && fmt.Sprint(x.RPC.Output("done")) != "true true" {
						t.Errorf("%s: %v, %+v", x.Sender, x.Err, x.RPC)
					}
				})
				if err != nil {
					t.Fatal(err)
				}
				judge(t, a, r.Nodes, in, answers)
				if sent != len(r.Nodes) {
					t.Errorf("told of %d nodes that were asked, of %d", sent, len(r.Nodes))
				}
				if tc.took != nil && a.Total != tc.took(len(r.Nodes)) {
					t.Errorf("took %v", a.Total)
				}
				if r.Batch > 0 && (a.Total < 5*time.Second || a.Total > 12*time.Second) {
					t.Errorf("batches took %v", a.Total)
				}
			})
		})
	}
}

// A run on nodes that all answer ends with the last answer, and the nodes that
// went down before are known for it.
func TestRunEndsWithTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c, in := troubled(t, 50)
		names := []string{"never.example.net"}
		for _, n := range s.Nodes()[1:] {
			names = append(names, n.Identity)
		}
		r := client.Run{Agent: "work", Action: "do", Nodes: names, Direct: true, Timeout: time.Hour}
		a, err := c.Run(t.Context(), r, func(client.Answer) {})
		if err != nil {
			t.Fatal(err)
		}
		if a.Outcomes[names[0]] != client.Unreachable || a.Total != time.Second {
			t.Errorf("took %v, account is %+v", a.Total, a.Count)
		}
		delete(a.Outcomes, names[0])
		delete(a.Count, client.Unreachable)
		judge(t, a, names[1:], in, a.Replies)
	})
}
