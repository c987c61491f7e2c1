package interop

import (
	"os"
	"strconv"
	"testing"
)

// testRestarts kills the broker under its nodes again and again. Every node must be
// back each time, and ours must not have grown.
// MCO_INTEROP_RESTARTS says how often (default 2).
func (c *collective) testRestarts(t *testing.T) {
	rounds := 2
	if n, err := strconv.Atoi(os.Getenv("MCO_INTEROP_RESTARTS")); err == nil {
		rounds = n
	}
	pid := c.nodes["g1"].Process.Pid
	files, memory := fds(pid), resident(pid)
	for round := range rounds {
		c.must(nil, c.broker, "stop")
		c.must(nil, c.broker, "start")
		c.await("g1", "g2", "r1", "r2")
		t.Logf("round %d: all back; g1 has %d open files, %d KiB", round+1, fds(pid), resident(pid))
	}
	if now := fds(pid); now > files {
		t.Errorf("g1 had %d open files, has %d after %d restarts", files, now, rounds)
	}
	if now := resident(pid); now > memory+4096 {
		t.Errorf("g1 used %d KiB, uses %d KiB after %d restarts", memory, now, rounds)
	}
}
