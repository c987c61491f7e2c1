//go:build unix

package puppet

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mcollective/internal/agents/agenttest"
	"mcollective/internal/subtest"
	"mcollective/rpc"
)

// TestPipes has pipes where Puppet's files should be: anyone who waits for a writer waits for ever.
func TestPipes(t *testing.T) {
	for file, actions := range map[string][]string{
		running: {"status", "runonce"}, pidfile: {"status"}, "opt/puppetlabs/puppet/public/last_run_summary.yaml": {"status", "last_run_summary"},
		state + "resources.txt": {"last_run_summary"}, state + "last_run_report.yaml": {"last_run_summary"},
	} {
		t.Run(subtest.Name(file), func(t *testing.T) {
			a := machine(t, nil, Options{})
			path := filepath.Join(a.opts.Root, file)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			_ = os.Remove(path)
			if err := syscall.Mkfifo(path, 0o644); err != nil {
				t.Fatal(err)
			}
			for _, action := range actions {
				var inputs []any
				if action == "last_run_summary" {
					inputs = []any{"logs", true}
				}
				if reply := agenttest.Call(t, a, action, inputs...); reply.Status == rpc.OK || !strings.Contains(reply.Message, "not a regular file") {
					t.Errorf("%s with %s: %d %s", action, file, reply.Status, reply.Message)
				}
			}
		})
	}
}
