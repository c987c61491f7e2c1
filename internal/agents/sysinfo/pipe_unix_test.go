//go:build unix

package sysinfo

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"mcollective/internal/agents/agenttest"
	"mcollective/rpc"
)

// TestPipe has a pipe in the place of a file: anyone who waits for a writer waits for ever.
func TestPipe(t *testing.T) {
	a := machine(t, nil, Options{})
	if err := errors.Join(os.Mkdir(filepath.Join(a.opts.Root, "proc"), 0o755), syscall.Mkfifo(filepath.Join(a.opts.Root, "proc/uptime"), 0o644)); err != nil {
		t.Fatal(err)
	}
	if reply := agenttest.Call(t, a, "uptime"); reply.Status == rpc.OK {
		t.Error("a pipe was read")
	}
}
