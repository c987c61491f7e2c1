//go:build unix

package nrpe

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mcollective/internal/agents/agenttest"
	"mcollective/internal/trust"
	"mcollective/rpc"
)

// TestTrust has checks that others may change, and a file of commands that is a pipe.
func TestTrust(t *testing.T) {
	o := checks(t)
	dir := filepath.Dir(o.Directories[0])
	if err := trust.Check(dir); err != nil {
		t.Fatal(err)
	}
	output := func() string {
		reply := agenttest.Call(t, newAgent(t, o), "runcommand", "command", "check_ok")
		if reply.Status == rpc.OK {
			return "it ran"
		}
		text, _ := reply.Output("output")
		return fmt.Sprint(reply.Message, text)
	}
	if err := os.Chmod(filepath.Join(dir, "check"), 0o777); err != nil {
		t.Fatal(err)
	}
	if got := output(); !strings.Contains(got, "/check is not trusted: it can be written") {
		t.Error(got)
	}
	if err := os.Chmod(filepath.Join(dir, "nrpe.d"), 0o777); err != nil {
		t.Fatal(err)
	}
	if got := output(); !strings.Contains(got, "/a.cfg is not trusted: "+dir+"/nrpe.d can be written") {
		t.Error(got)
	}
	if err := errors.Join(os.Chmod(filepath.Join(dir, "nrpe.d"), 0o755), syscall.Mkfifo(filepath.Join(dir, "nrpe.d/0.cfg"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if got := output(); !strings.Contains(got, "/0.cfg: not a regular file") {
		t.Error(got)
	}
}
