package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"mcollective/internal/waittest"
)

// TestActionIsBrokenOff has a node end, and be killed, while an action runs.
func TestActionIsBrokenOff(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("programs that are left running are found on Linux only")
	}
	c := newCollective(t)
	agents := filepath.Join(c.dir, "agents")
	c.write("agents/slow", "#!/bin/sh\necho $$ > "+c.dir+"/pid\nsleep 600\n")
	c.write("agents/slow.yaml", "agent: slow\ntimeout: 300\nactions:\n  run: {}\n")
	if err := os.Chmod(filepath.Join(agents, "slow"), 0o755); err != nil {
		t.Fatal(err)
	}
	var clients sync.WaitGroup
	const more = "soft_shutdown = 1\nsoft_shutdown_timeout = 1\n"
	// call runs the action and returns the number of its program, and in time what
	// the caller is told.
	call := func() (pid int, said <-chan string) {
		t.Helper()
		os.Remove(filepath.Join(c.dir, "pid"))
		answer := make(chan string, 1)
		client := exec.CommandContext(t.Context(), "mco", "rpc", "slow", "run", "-I", "n1", "-t", "30", "-j")
		client.Dir, client.Env = c.dir, c.environ()
		clients.Go(func() {
			out, _ := client.CombinedOutput() // failing is what it is to do
			answer <- string(out)
		})
		waittest.Until(t, "the program to run", func() bool {
			b, _ := os.ReadFile(filepath.Join(c.dir, "pid"))
			pid, _ = strconv.Atoi(strings.TrimSpace(string(b)))
			return pid > 0
		})
		return pid, answer
	}
	t.Cleanup(func() { waittest.Return(t, "the clients to end", clients.Wait) })
	gone := func(pid int) bool { return syscall.Kill(pid, 0) != nil }

	n := c.node("n1", agents, more)
	pid, said := call()
	n.cmd.Process.Signal(syscall.SIGTERM)
	waittest.Receive(t, "the node to end", n.done)
	if got := waittest.Receive(t, "what the caller is told", said); !strings.Contains(got, `"statuscode":5`) && !strings.Contains(got, `"statuscode": 5`) || !strings.Contains(got, "was broken off: the node is stopping") {
		t.Errorf("the caller is told: %s", got)
	}
	if !gone(pid) {
		t.Error("the program outlives its node")
	}
	if out := n.out.String(); !strings.Contains(out, "1 requests were still running after 1s and were broken off") {
		t.Error(out)
	}

	n = c.node("n1", agents, more)
	pid, _ = call()
	// The program can be quicker than the node's record of it.
	waittest.Until(t, "the record of the program", func() bool {
		found, _ := filepath.Glob(filepath.Join(c.dir, "tmp", "mcollective-*", "programs-n1", strconv.Itoa(pid)+"-*.json"))
		return len(found) == 1
	})
	n.cmd.Process.Kill()
	waittest.Receive(t, "the killed node to end", n.done)
	if gone(pid) {
		t.Fatal("the program did not outlive its node, and there is nothing to find")
	}
	n = c.node("n1", agents, more)
	waittest.Until(t, "the next node to end it", func() bool {
		return regexp.MustCompile(`left has been ended.*pid=` + strconv.Itoa(pid) + ` started_for="agent slow"`).MatchString(n.out.String())
	})
	if state, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat"); err == nil && !strings.Contains(string(state), ") Z") {
		t.Errorf("it still runs: %s", state)
	}
}
