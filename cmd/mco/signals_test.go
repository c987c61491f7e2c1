//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"mcollective/internal/dirtest"
)

// TestTwoSignalsAtOnce sends a client and a node TERM twice in a row, as
// timeout(1) does when it signals its child and then its process group: both
// still finish what they owe.
func TestTwoSignalsAtOnce(t *testing.T) {
	c := newCollective(t)
	agents := dirtest.New(t)
	started, goOn := filepath.Join(agents, "started"), filepath.Join(agents, "go-on")
	for _, path := range []string{started, goOn} {
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(t, filepath.Join(agents, "slow.sh"), "#!/bin/sh\necho x >"+started+"\nread x <"+goOn+"\necho '{\"finished\": true}'\n", 0o755)
	put(t, filepath.Join(agents, "slow.yaml"), "agent: slow\ntimeout: 60\nactions:\n  run:\n    output:\n      finished: {type: boolean}\n", 0o644)
	node := c.node("n1", agents, "")

	client := exec.Command("mco", "rpc", "slow", "run", "-I", "n1", "-t", "60", "-o", "json")
	client.Dir, client.Env = c.dir, c.environ()
	var out, errs output
	client.Stdout, client.Stderr = &out, &errs
	client.WaitDelay = patience
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- client.Wait() }()
	if !within(func() { os.ReadFile(started) }) {
		t.Fatalf("the action did not start: %s", errs.String())
	}
	twice(t, client.Process)
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatal("the client does not end")
	}
	if s := client.ProcessState.Sys().(syscall.WaitStatus); s.Signaled() || !strings.Contains(out.String()+errs.String(), "n1") {
		t.Errorf("the client ended with %v and no account of n1: %s%s", client.ProcessState, out.String(), errs.String())
	}

	twice(t, node.cmd.Process)
	if !within(func() { os.WriteFile(goOn, []byte("x\n"), 0) }) {
		t.Error("the action was ended while the node waited for it")
	}
	select {
	case <-node.done:
	case <-time.After(patience):
		t.Fatal("the node does not end")
	}
	if node.err != nil || strings.Contains(node.out.String(), "second signal") {
		t.Errorf("the node ended with %v", node.err)
	}
}

func twice(t *testing.T, p *os.Process) {
	t.Helper()
	for range 2 {
		if err := p.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
}

// within reports whether f returns in time.
func within(f func()) bool {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
		return true
	case <-time.After(patience):
		return false
	}
}
