package service

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"mcollective/agent"
	"mcollective/internal/agents/agenttest"
	"mcollective/internal/dirtest"
	"mcollective/internal/run"
	"mcollective/internal/subtest"
	"mcollective/internal/waittest"
	"mcollective/rpc"
	"mcollective/value"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// An answer is what a program printed on a machine that has it.
type answer struct {
	out, err string
	exit     int
}

// tools answers for programs by their command line, with the last answer again
// once the earlier ones are used up, and keeps what was run.
type tools struct {
	answers map[string][]answer
	ran     []string
}

func (f *tools) run(_ context.Context, c run.Command) (*run.Result, error) {
	line := strings.Join(append([]string{filepath.Base(c.Path)}, c.Args...), " ")
	f.ran = append(f.ran, line)
	all, ok := f.answers[line]
	if !ok {
		return &run.Result{Exit: 127, Stderr: []byte("nobody expected: " + line)}, nil
	}
	if len(all) > 1 {
		f.answers[line] = all[1:]
	}
	return &run.Result{Stdout: []byte(all[0].out), Stderr: []byte(all[0].err), Exit: all[0].exit}, nil
}

func machine(t *testing.T, directory string, f *tools) *Agent {
	t.Helper()
	o := Options{Root: dirtest.New(t), Run: f.run, Wait: func(context.Context, time.Duration) error { return nil }}
	if err := os.MkdirAll(filepath.Join(o.Root, directory), 0o755); err != nil {
		t.Fatal(err)
	}
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

const (
	show    = "systemctl show --no-pager --property=LoadState,ActiveState,SubState,UnitFileState,Result -- nginx"
	up      = "Result=success\nLoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\n"
	down    = "Result=success\nLoadState=loaded\nActiveState=inactive\nSubState=dead\nUnitFileState=disabled\n"
	crashed = "Result=exit-code\nLoadState=loaded\nActiveState=failed\nSubState=failed\nUnitFileState=enabled\n"
	absent  = "Result=success\nLoadState=not-found\nActiveState=inactive\nSubState=dead\nUnitFileState=\n"
	masked  = "Result=success\nLoadState=masked\nActiveState=inactive\nSubState=dead\nUnitFileState=masked\n"
	command = "systemctl --no-ask-password --quiet "
)

func TestSystemdStatus(t *testing.T) {
	for out, want := range map[string][3]string{
		up: {"running", "enabled", "active (running)"}, down: {"stopped", "disabled", "inactive (dead)"},
		crashed: {"stopped", "enabled", "failed (exit-code)"}, absent: {"stopped", "unknown", "not-found"}, masked: {"stopped", "masked", "masked"},
		"LoadState=loaded\nActiveState=reloading\nSubState=reload\nUnitFileState=static\n": {"running", "static", "reloading (reload)"},
	} {
		t.Run(subtest.Name(out), func(t *testing.T) {
			a := machine(t, "run/systemd/system", &tools{answers: map[string][]answer{show: {{out: out}}}})
			reply := agenttest.OK(t, a, "status", "service", "nginx")
			got := [3]string{agenttest.Output[string](t, reply, "status"), agenttest.Output[string](t, reply, "enabled"), agenttest.Output[string](t, reply, "detail")}
			if got != want {
				t.Errorf("%q: %q, want %q", out, got, want)
			}
		})
	}
}

func TestSystemdChange(t *testing.T) {
	for _, test := range []struct {
		name, action string
		inputs       []any
		shows        []answer
		run          answer
		status       string // the output
		code         rpc.Status
		message      string
		ran          bool
	}{
		{name: "start", action: "start", shows: []answer{{out: down}, {out: up}}, status: "running", message: "OK", ran: true},
		{name: "stop", action: "stop", shows: []answer{{out: up}, {out: down}}, status: "stopped", message: "OK", ran: true},
		{name: "restart", action: "restart", shows: []answer{{out: up}}, status: "running", message: "OK", ran: true},
		{name: "noop", action: "restart", inputs: []any{"noop", true}, shows: []answer{{out: up}}, status: "running", message: "OK"},
		{name: "noop of none", action: "restart", inputs: []any{"noop", true}, shows: []answer{{out: absent}}, status: "stopped", code: rpc.Aborted, message: "Could not restart 'nginx': there is no such service"},
		{name: "runs", action: "start", shows: []answer{{out: up}}, status: "running", code: rpc.Aborted, message: "Could not start 'nginx': Service is already running"},
		{name: "stopped", action: "stop", shows: []answer{{out: down}}, status: "stopped", code: rpc.Aborted, message: "Could not stop 'nginx': Service is already stopped"},
		{name: "dies", action: "start", shows: []answer{{out: down}, {out: crashed}}, status: "stopped", code: rpc.Aborted, message: "Could not start 'nginx': it is failed (exit-code)", ran: true},
		{name: "refused", action: "start", shows: []answer{{out: down}}, run: answer{exit: 1, err: "Job for nginx.service failed because the control process exited with error code.\nSee \"systemctl status nginx.service\" and \"journalctl -xeu nginx.service\" for details.\n"},
			status: "stopped", code: rpc.Aborted, message: "Could not start 'nginx': Job for nginx.service failed because the control process exited with error code.", ran: true},
		{name: "absent", action: "start", shows: []answer{{out: absent}}, run: answer{exit: 5, err: "Failed to start nginx.service: Unit nginx.service not found.\n"},
			status: "stopped", code: rpc.Aborted, message: "Could not start 'nginx': Failed to start nginx.service: Unit nginx.service not found.", ran: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := &tools{answers: map[string][]answer{show: test.shows, command + test.action + " -- nginx": {test.run}}}
			reply := agenttest.Call(t, machine(t, "run/systemd/system", f), test.action, append(test.inputs, "service", "nginx")...)
			if status := agenttest.Output[string](t, reply, "status"); status != test.status || reply.Status != test.code || reply.Message != test.message {
				t.Errorf("%s, %d %s", status, reply.Status, reply.Message)
			}
			if ran := strings.Contains(strings.Join(f.ran, "\n"), command); ran != test.ran {
				t.Errorf("ran %q", f.ran)
			}
		})
	}
}

func TestSystemdBoot(t *testing.T) {
	f := &tools{answers: map[string][]answer{show: {{out: up}}, command + "enable -- nginx": {{}}, command + "disable -- nginx": {{exit: 1, err: "Failed to disable unit: Unit file nginx.service does not exist.\n"}}}}
	a := machine(t, "run/systemd/system", f)
	if got := agenttest.Output[string](t, agenttest.OK(t, a, "enable", "service", "nginx"), "enabled"); got != "enabled" {
		t.Error(got)
	}
	if reply := agenttest.Call(t, a, "disable", "service", "nginx"); reply.Message != "Could not disable 'nginx': Failed to disable unit: Unit file nginx.service does not exist." {
		t.Error(reply.Message)
	}
	f.ran = nil
	agenttest.OK(t, a, "disable", "service", "nginx", "noop", true)
	if diff := cmp.Diff([]string{show}, f.ran); diff != "" {
		t.Error(diff)
	}
	f = &tools{answers: map[string][]answer{show: {{out: absent}}}}
	if reply := agenttest.Call(t, machine(t, "run/systemd/system", f), "enable", "service", "nginx", "noop", true); reply.Message != "Could not enable 'nginx': there is no such service" {
		t.Error(reply.Message)
	}
}

// A daemon that restarts itself answers first.
func TestOwnService(t *testing.T) {
	own := strings.ReplaceAll(show, "nginx", "mcollective")
	f := &tools{answers: map[string][]answer{own: {{out: up}}, command + "restart --no-block -- mcollective": {{}}}}
	a := machine(t, "run/systemd/system", f)
	path := filepath.Join(a.opts.Root, "proc/self/cgroup")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("0::/system.slice/mcollective.service\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	agenttest.OK(t, a, "restart", "service", "mcollective")
}

func TestNames(t *testing.T) {
	f := &tools{}
	a := machine(t, "run/systemd/system", f)
	for _, name := range []string{"", "-h", "a b", "a;b", "../x", "a\nb", "reboot.target", "-.slice", "tmp.mount", "a*", strings.Repeat("a", 91)} {
		for _, action := range []string{"status", "start", "enable"} {
			if reply := agenttest.Call(t, a, action, "service", name); reply.Status != rpc.InvalidData && reply.Status != rpc.Aborted {
				t.Errorf("%s %q: %d %s", action, name, reply.Status, reply.Message)
			}
		}
	}
	if len(f.ran) > 0 {
		t.Errorf("ran %q", f.ran)
	}
}

func TestOpenRC(t *testing.T) {
	const ask, list = "rc-service --nocolor sshd status", "rc-update --nocolor show"
	f := &tools{answers: map[string][]answer{
		ask:                                    {{out: " * status: stopped\n", exit: 3}, {out: " * status: started\n"}},
		list:                                   {{out: "             bootmisc | boot                                   \n                 sshd |      default                           \n               crond |\n"}},
		"rc-service --nocolor sshd start":      {{out: " * Starting sshd ... [ ok ]\n"}},
		"rc-service --nocolor none status":     {{err: " * rc-service: service `none' does not exist\n", exit: 1}},
		"rc-service --nocolor none start":      {{err: " * rc-service: service `none' does not exist\n", exit: 1}},
		"rc-service --nocolor db status":       {{out: " * status: crashed\n", exit: 32}},
		"rc-update --nocolor add sshd default": {{out: " * service sshd added to runlevel default\n"}},
	}}
	a := machine(t, "run/openrc", f)
	reply := agenttest.OK(t, a, "start", "service", "sshd")
	if got := agenttest.Output[string](t, reply, "status"); got != "running" {
		t.Error(got)
	}
	if got := agenttest.Output[string](t, agenttest.OK(t, a, "enable", "service", "sshd"), "enabled"); got != "enabled" {
		t.Error(got)
	}
	if reply := agenttest.Call(t, a, "start", "service", "none"); reply.Message != "Could not start 'none': rc-service: service `none' does not exist" {
		t.Error(reply.Message)
	}
	for _, action := range []string{"start", "restart"} {
		if reply := agenttest.Call(t, a, action, "service", "none", "noop", true); reply.Status != rpc.Aborted {
			t.Errorf("%s: %d %s", action, reply.Status, reply.Message)
		}
	}
	reply = agenttest.OK(t, a, "status", "service", "db")
	if got := agenttest.Output[string](t, reply, "detail"); got != "crashed" || agenttest.Output[string](t, reply, "enabled") != "disabled" {
		t.Error(got)
	}
}

// The scripts are real ones here.
func TestSystemV(t *testing.T) {
	root := dirtest.New(t)
	for _, dir := range []string{"etc/init.d", "etc/rc3.d"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	script := `#!/bin/sh
here=` + root + `/lock
case "$1" in
status)  [ -e "$here" ] && { echo "web is running"; exit 0; }; echo "web is stopped"; exit 3 ;;
start)   touch "$here" ;;
stop)    rm "$here" ;;
restart) echo "no license" >&2; exit 1 ;;
esac
`
	if err := os.WriteFile(filepath.Join(root, "etc/init.d/web"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "etc/init.d/README"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../init.d/web", filepath.Join(root, "etc/rc3.d/S20web")); err != nil {
		t.Fatal(err)
	}
	a, err := New(Options{Root: root, Wait: func(context.Context, time.Duration) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	status := func(reply *rpc.Reply) string { return agenttest.Output[string](t, reply, "status") }
	if got := status(agenttest.OK(t, a, "status", "service", "web")); got != "stopped" {
		t.Error(got)
	}
	if got := status(agenttest.OK(t, a, "start", "service", "web")); got != "running" {
		t.Error(got)
	}
	reply := agenttest.OK(t, a, "status", "service", "web")
	if detail, enabled := agenttest.Output[string](t, reply, "detail"), agenttest.Output[string](t, reply, "enabled"); detail != "web is running" || enabled != "enabled" {
		t.Error(detail, enabled)
	}
	if reply := agenttest.Call(t, a, "restart", "service", "web"); reply.Message != "Could not restart 'web': no license" || status(reply) != "running" {
		t.Error(reply.Message)
	}
	if got := status(agenttest.OK(t, a, "stop", "service", "web")); got != "stopped" {
		t.Error(got)
	}
	for _, name := range []string{"none", "README", "..", "."} {
		if reply := agenttest.Call(t, a, "start", "service", name); reply.Status != rpc.Aborted {
			t.Errorf("%s: %+v", name, reply)
		}
	}
}

func TestActive(t *testing.T) {
	a, err := New(Options{Root: dirtest.New(t)})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Active(t.Context()); err == nil {
		t.Error("active without an init system")
	}
}

// TestRestartIsNotBrokenOff has the time of a request end in the middle of a
// restart, with a real script.
func TestRestartIsNotBrokenOff(t *testing.T) {
	root := dirtest.New(t)
	scripts, gate, log := filepath.Join(root, "etc/init.d"), filepath.Join(root, "gate"), filepath.Join(root, "log")
	if err := os.MkdirAll(scripts, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\n[ \"$1\" = restart ] || exit 0\nread x < " + gate + "\necho started > " + log + "\n"
	if err := os.WriteFile(filepath.Join(scripts, "web"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	a, err := New(Options{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	req := &agent.Request{Request: &rpc.Request{Agent: "service", Action: "restart", Data: value.NewMap(value.Symbol("service"), "web")}}
	go func() { ended <- a.Call(ctx, req, a.Definition().Action("restart").Reply()) }()
	w, err := os.OpenFile(gate, os.O_WRONLY, 0) // when the script is at that place
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := waittest.Receive(t, "the call to end", ended); err == nil || err.Error() != "Could not restart 'web': web is not done yet and goes on; ask for the state later" {
		t.Error(err)
	}
	w.WriteString("go on\n")
	w.Close()
	waittest.Until(t, "the service that was stopped to be started again", func() bool {
		b, _ := os.ReadFile(log)
		return string(b) == "started\n"
	})
}
