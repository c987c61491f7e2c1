package client_test

import (
	"testing"
	"testing/synctest"
	"time"

	"mcollective/client"
	"mcollective/connector/inmem"
	"mcollective/rpc"
)

// TestBrokerIsAskedForWhoIsSilent: it is not for nothing that the broker looks for
// who listens.
func TestBrokerIsAskedForWhoIsSilent(t *testing.T) {
	for name, tc := range map[string]struct {
		answers map[string]time.Duration
		gone    string
		timeout time.Duration
		asked   time.Duration // 0: not at all
		want    map[string]client.Outcome
	}{
		"everybody answers": {
			answers: map[string]time.Duration{"a1": 50 * time.Millisecond, "a2": 140 * time.Millisecond, "a3": 230 * time.Millisecond},
			want:    map[string]client.Outcome{"a1": client.OK, "a2": client.OK, "a3": client.OK},
		},
		"a pause": {
			answers: map[string]time.Duration{"a1": 50 * time.Millisecond, "a2": 151 * time.Millisecond},
			asked:   150 * time.Millisecond,
			want:    map[string]client.Outcome{"a1": client.OK, "a2": client.OK},
		},
		"one hangs and one is gone": {
			answers: map[string]time.Duration{"a1": 0, "hangs": time.Hour}, gone: "gone",
			asked: 100 * time.Millisecond,
			want:  map[string]client.Outcome{"a1": client.OK, "hangs": client.TimedOut, "gone": client.Unknown},
		},
		"little time": {
			answers: map[string]time.Duration{"a1": time.Hour}, gone: "gone", timeout: 30 * time.Millisecond,
			asked: 15 * time.Millisecond,
			want:  map[string]client.Outcome{"a1": client.TimedOut, "gone": client.Unknown},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, inmem.Options{})
				var nodes []string
				for node, d := range tc.answers {
					w.node(node, after(d, rpc.OK))
					nodes = append(nodes, node)
				}
				if tc.gone != "" {
					nodes = append(nodes, tc.gone)
				}
				conn, err := w.hub.Connect(t.Context(), "me")
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				var asked []time.Duration
				start := time.Now()
				c := client.New(latecomer{conn, func() { asked = append(asked, time.Since(start)) }, nil}, w.security, client.Options{Identity: "me"})
				r := run(nodes...)
				if tc.timeout > 0 {
					r.Timeout = tc.timeout
				}
				a, err := c.Run(t.Context(), r, func(client.Answer) {})
				if err != nil {
					t.Fatal(err)
				}
				check(t, a, tc.want)
				switch {
				case tc.asked == 0 && len(asked) > 0, tc.asked > 0 && (len(asked) != 1 || asked[0] != tc.asked):
					t.Errorf("%s: the broker was asked after %v", name, asked)
				}
			})
		})
	}
}
