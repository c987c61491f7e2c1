//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"mcollective/internal/waittest"
)

// TestInitScript starts and stops a node with the init script, where the pid file
// of an earlier one has a number that belongs to other programs by now.
func TestInitScript(t *testing.T) {
	c := newCollective(t)
	daemon, err := exec.LookPath("mcollectived")
	if err != nil {
		t.Fatal(err)
	}
	cfg := c.write("server.cfg", c.config("n1")+"logger_type = file\nlogfile = "+c.dir+"/node.log\nfactsource = yaml\nplugin.yaml = "+c.write("facts.yaml", "role: test\n")+"\n")
	pidfile := filepath.Join(c.dir, "mcollectived.pid")
	text, err := os.ReadFile("../../dist/sysv/mcollective")
	if err != nil {
		t.Fatal(err)
	}
	script := string(text)
	for name, value := range map[string]string{"daemon": daemon, "config": cfg, "pidfile": pidfile, "stopwait": "20"} {
		set := false
		for line := range strings.Lines(script) {
			if strings.HasPrefix(line, name+"=") {
				script, set = strings.Replace(script, line, name+"="+value+"\n", 1), true
				break
			}
		}
		if !set {
			t.Fatalf("the script does not set %s", name)
		}
	}
	script = strings.ReplaceAll(script, " /etc/default/mcollective /etc/sysconfig/mcollective", "")
	path := c.write("init", script)
	run := func(word string, want int) string {
		t.Helper()
		cmd := exec.Command("sh", path, word)
		cmd.Dir, cmd.Env = c.dir, c.environ()
		cmd.WaitDelay = patience
		late := time.AfterFunc(2*patience, func() { cmd.Process.Kill() })
		defer late.Stop()
		out, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != want {
			t.Fatalf("%s ends with %d, want %d: %s", word, got, want, out)
		}
		return string(out)
	}

	other := exec.Command("mco", "broker", "--listen", "127.0.0.1:0") // the same program
	other.Dir, other.Env = c.dir, c.environ()
	for _, stranger := range []*exec.Cmd{exec.Command("sleep", "3600"), other} {
		if err := stranger.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { stranger.Wait(); close(ended) }()
		defer func() { stranger.Process.Kill(); waittest.Receive(t, "the stranger to end", ended) }()

		stale := strconv.Itoa(stranger.Process.Pid)
		put(t, pidfile, stale+"\n", 0o644)
		run("status", 1)
		run("stop", 0)
		run("condrestart", 0)
		run("start", 0)
		run("status", 0)
		pid, err := os.ReadFile(pidfile)
		if err != nil || strings.TrimSpace(string(pid)) == stale {
			t.Errorf("the pid file of the node has %q, %v", pid, err)
		}
		if out := run("start", 0); !strings.Contains(out, "runs already") {
			t.Errorf("a second start prints %q", out)
		}
		run("stop", 0)
		run("status", 3)
		select {
		case <-ended:
			t.Errorf("%v was ended", stranger.Args)
		default:
		}
	}
}
