package interop

import (
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// logOf is what one of our nodes has logged.
func (c *collective) logOf(node string) string {
	c.t.Helper()
	return c.read(filepath.Join(filepath.Dir(filepath.Dir(c.agentsOf(node))), "node.log"))
}

// answered is what one node answered, as our client gives it.
type answered struct {
	Sender string `json:"sender"`
	Code   int    `json:"statuscode"`
	Msg    string `json:"statusmsg"`
	Data   map[string]any
}

// blob asks a node for a reply of a size.
func (c *collective) blob(node, size string) (got []answered, took time.Duration) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, mco, "rpc", "interop", "blob", "size="+size, "-I", node, "-j", "-t", "30")
	cmd.Env = append(slices.Clone(c.env), "HOME="+c.home)
	cmd.Stdin = nil
	start := time.Now()
	out, _ := cmd.Output()
	if err := json.Unmarshal(out, &got); err != nil {
		c.t.Fatalf("blob of %s: %v: %.300s", size, err, out)
	}
	return got, time.Since(start)
}

// TestReplyOverTheLimit has nodes answer with 7 MB through a broker that takes
// 100 kB.
func TestReplyOverTheLimit(t *testing.T) {
	t.Parallel()
	c := newBroker(t, "activemq", "ACTIVEMQ_MAX_FRAME=102400")
	c.ourNode("g1", nil)
	c.ourNode("g2", nil)
	c.await("g1", "g2")
	const broke = "message broke the connection"
	for round := range 3 {
		got, took := c.blob("g1", "7000000")
		if len(got) != 1 || got[0].Code != 5 || !strings.Contains(got[0].Msg, "too large for the broker") || !strings.Contains(got[0].Msg, "7000") {
			t.Fatalf("round %d, after %v: the caller hears %+v", round, took, got)
		}
		t.Logf("after %v: %s", took.Round(time.Millisecond), got[0].Msg)
	}
	log := c.logOf("g1")
	if n := strings.Count(log, broke); n != 1 {
		t.Errorf("the reply broke the connection %d times and was sent again", n)
	}
	if !strings.Contains(log, "reply is too large, an error goes in its place") || !strings.Contains(log, "caller=") {
		t.Errorf("the log does not say which reply to whom:\n%s", log)
	}
	if got, _ := c.blob("g1", "80000"); len(got) != 1 || got[0].Code != 0 {
		t.Errorf("a reply below the limit: code %d, %s", got[0].Code, got[0].Msg)
	}
	c.await("g1", "g2")
	// What the client may not send comes back to it.
	cmd := exec.Command(mco, "ping", "-t", "2")
	for range 30 {
		cmd.Args = append(cmd.Args, "-C", strings.Repeat("x", 4000))
	}
	cmd.Env = append(slices.Clone(c.env), "HOME="+c.home)
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "too large for the broker") {
		t.Errorf("a request over the limit: %v, %.500s", err, out)
	}
}

// TestRefusedCollective has a user who may use one collective of two.
func TestRefusedCollective(t *testing.T) {
	t.Parallel()
	for _, connector := range []string{"activemq", "rabbitmq"} {
		t.Run(connector, func(t *testing.T) {
			t.Parallel()
			c := newBroker(t, connector, "DENIED=eu_collective")
			c.ourNode("g1", nil)
			c.ourNode("g2", []string{"COLLECTIVES=mcollective"})
			c.await("g1", "g2")
			files := fds(c.nodes["g1"].Process.Pid)
			for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
				if got, err := c.ours("ping", "-t", "1"); !slices.Equal(got, []string{"g1", "g2"}) {
					t.Errorf("nodes that answer in the collective that is allowed: %v, %v", got, err)
				}
			}
			log := c.logOf("g1")
			if !strings.Contains(log, "eu_collective") || !strings.Contains(log, "refused") {
				t.Errorf("the log does not say what was refused:\n%s", log)
			}
			if strings.Contains(log, "not there yet") {
				t.Errorf("the log says that the broker is away:\n%s", log)
			}
			if n := strings.Count(log, "lost the connection"); n > 1 {
				t.Errorf("the connection broke %d times:\n%s", n, log)
			}
			t.Logf("g1 has %d open files, had %d; its log has %d lines", fds(c.nodes["g1"].Process.Pid), files, strings.Count(log, "\n"))
			if connector == "activemq" {
				return // it would have to be restarted
			}
			c.must(nil, c.broker, "allow")
			var got []string
			// On a busy machine so much time has passed that the node asks every five minutes, or half as much again.
			for end := time.Now().Add(8 * time.Minute); time.Now().Before(end); {
				if got, _ = c.ours("ping", "-t", "1", "-T", "eu_collective"); slices.Equal(got, []string{"g1"}) {
					return
				}
			}
			t.Errorf("nodes that answer once it is allowed: %v\n%s", got, c.logOf("g1"))
		})
	}
}
