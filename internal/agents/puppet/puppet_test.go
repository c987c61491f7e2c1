package puppet

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"mcollective/internal/agents/agenttest"
	"mcollective/internal/data"
	"mcollective/internal/dirtest"
	"mcollective/internal/run"
	"mcollective/internal/subtest"
	"mcollective/internal/waittest"
	"mcollective/rpc"
	"mcollective/value"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	state  = "opt/puppetlabs/puppet/cache/state/"
	report = `--- !ruby/object:Puppet::Transaction::Report
host: web.example.net
logs:
- !ruby/object:Puppet::Util::Log
  level: !ruby/sym notice
  tags: !ruby/object:Puppet::Util::TagSet
    hash: &x {notice: true}
  message: "created\n"
  source: "/Stage[main]/File[/tmp/x]/ensure"
  time: '2026-01-02T03:04:05.678901000+01:00'
- level: :err
  message: |
    two
    lines
  source: Puppet
  time: 2026-01-02 02:04:06.5 Z
again: *x
`
	lastRun = `---
version:
  config: 1345
  puppet: 7.23.0
resources: {changed: 3, corrective_change: 1, failed: 0, out_of_sync: 4, total: 90}
time: {config_retrieval: 1.5, total: 12.25, last_run: 1000000}
changes:
events: {success: 3}
`
)

// vendors is what Puppet of the vendor's packages prints for wanted, as Puppet 7 does.
const vendors = `agent_catalog_run_lockfile = /opt/puppetlabs/puppet/cache/state/agent_catalog_run.lock
agent_disabled_lockfile = /opt/puppetlabs/puppet/cache/state/agent_disabled.lock
config = /etc/puppetlabs/puppet/puppet.conf
lastrunfile = /opt/puppetlabs/puppet/public/last_run_summary.yaml
lastrunreport = /opt/puppetlabs/puppet/cache/state/last_run_report.yaml
pidfile = /var/run/puppetlabs/agent.pid
resourcefile = /opt/puppetlabs/puppet/cache/state/resources.txt
statedir = /opt/puppetlabs/puppet/cache/state
`

// saying answers the question where Puppet's files are, and leaves the rest to another.
func saying(settings string, other Runner) Runner {
	return func(ctx context.Context, c run.Command) (*run.Result, error) {
		if strings.Contains(strings.Join(c.Args, " "), "config print") {
			return &run.Result{Stdout: []byte(settings)}, nil
		}
		return other(ctx, c)
	}
}

// machine is one with Puppet of the vendor's packages.
func machine(t *testing.T, files map[string]string, o Options) *Agent {
	t.Helper()
	o.Root = dirtest.New(t)
	for name, text := range map[string]string{"opt/puppetlabs/bin/puppet": "", state + "resources.txt": "file[/etc/motd]\nfile[/srv]\napt::source[x]\n",
		"opt/puppetlabs/puppet/public/last_run_summary.yaml": lastRun, state + "last_run_report.yaml": report} {
		if _, given := files[name]; !given {
			if files == nil {
				files = map[string]string{}
			}
			files[name] = text
		}
	}
	for name, text := range files {
		path := filepath.Join(o.Root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	o.Now = func() time.Time { return time.Unix(1_093_784, 0).UTC() }
	if o.Alive == nil {
		o.Alive = func(pid int) bool { return pid == 77 || pid == 88 }
	}
	if o.Run == nil {
		o.Run = func(context.Context, run.Command) (*run.Result, error) { return &run.Result{}, nil }
	}
	o.Run = saying(vendors, o.Run)
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

const (
	pidfile = "var/run/puppetlabs/agent.pid"
	running = state + "agent_catalog_run.lock"
	locked  = state + "agent_disabled.lock"
)

func TestStatus(t *testing.T) {
	for word, files := range map[string]map[string]string{
		"stopped": nil, "idling": {pidfile: "77\n"}, "applying a catalog": {running: "88", pidfile: "77"}, "disabled": {locked: `{"disabled_message":"why not"}`, pidfile: "5"},
	} {
		t.Run(word, func(t *testing.T) {
			reply := agenttest.OK(t, machine(t, files, Options{}), "status")
			want := map[string]any{
				"status": word, "applying": word == "applying a catalog", "idling": word == "idling", "enabled": word != "disabled", "lastrun": int64(1000000),
				"daemon_present": word == "idling" || word == "applying a catalog", "since_lastrun": int64(93784), "disable_message": map[bool]string{true: "why not"}[word == "disabled"],
				"message": "Currently " + word + "; last completed run 1 day 2 hours 3 minutes 04 seconds ago",
			}
			for name, value := range want {
				if got, _ := reply.Output(name); got != value {
					t.Errorf("%s: %s is %v, want %v", word, name, got, value)
				}
			}
		})
	}
}

func TestEnableAndDisable(t *testing.T) {
	a := machine(t, nil, Options{})
	reply := agenttest.Call(t, a, "enable")
	if reply.Message != "Could not enable Puppet: Already enabled" || reply.Status != rpc.Aborted || !agenttest.Output[bool](t, reply, "enabled") {
		t.Errorf("%+v", reply)
	}
	reply = agenttest.OK(t, a, "disable", "message", `a "quoted" reason`)
	if got := agenttest.Output[string](t, reply, "status"); got != `Succesfully locked the Puppet agent: a "quoted" reason` || agenttest.Output[bool](t, reply, "enabled") {
		t.Error(got)
	}
	if got, err := os.ReadFile(filepath.Join(a.opts.Root, locked)); string(got) != `{"disabled_message":"a \"quoted\" reason"}` {
		t.Errorf("%s %v", got, err)
	}
	if reply := agenttest.Call(t, a, "disable"); reply.Message != "Could not disable Puppet: Already disabled" {
		t.Error(reply.Message)
	}
	agenttest.OK(t, a, "enable")
	reply = agenttest.OK(t, a, "disable")
	if got := agenttest.Output[string](t, reply, "status"); got != "Succesfully locked the Puppet agent: Disabled via MCollective by uid=0 at 1970-01-13 15:49" {
		t.Error(got)
	}
	if entries, _ := os.ReadDir(filepath.Join(a.opts.Root, state)); len(entries) != 3 {
		t.Errorf("%v", entries)
	}
}

func TestLastRunSummary(t *testing.T) {
	a := machine(t, nil, Options{})
	reply := agenttest.OK(t, a, "last_run_summary", "logs", true)
	for name, want := range map[string]any{"out_of_sync_resources": int64(4), "failed_resources": int64(0), "corrected_resources": int64(1), "changed_resources": int64(3),
		"total_resources": int64(90), "total_time": 12.25, "config_retrieval_time": 1.5, "lastrun": int64(1000000), "since_lastrun": int64(93784), "config_version": int64(1345)} {
		t.Run(name, func(t *testing.T) {
			if got, _ := reply.Output(name); got != want {
				t.Errorf("%s is %#v, want %#v", name, got, want)
			}
		})
	}
	if diff := cmp.Diff(value.NewMap("Apt::Source", int64(1), "File", int64(2)).Pairs, agenttest.Output[*value.Map](t, reply, "type_distribution").Pairs); diff != "" {
		t.Error(diff)
	}
	var lines []string
	for _, l := range agenttest.Output[[]any](t, reply, "logs") {
		get := func(name string) any { v, _ := l.(*value.Map).Get(name); return v }
		lines = append(lines, strings.Join([]string{get("level").(string), get("source").(string), get("msg").(string), time.Unix(get("time").(int64), 0).UTC().Format(time.RFC3339)}, "|"))
	}
	want := []string{"notice|/Stage[main]/File[/tmp/x]/ensure|created|2026-01-02T02:04:05Z", "err|Puppet|two\nlines|1970-01-01T00:00:00Z"}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
	none := machine(t, map[string]string{"opt/puppetlabs/puppet/public/last_run_summary.yaml": "--- {}\n"}, Options{})
	if got, _ := agenttest.OK(t, none, "last_run_summary").Output("total_resources"); got != int64(0) {
		t.Error(got)
	}
	broken := machine(t, map[string]string{"opt/puppetlabs/puppet/public/last_run_summary.yaml": "a: [\n"}, Options{})
	if reply := agenttest.Call(t, broken, "last_run_summary"); reply.Status != rpc.UnknownError {
		t.Error(reply)
	}
}

func TestRunOnce(t *testing.T) {
	const base = "puppet agent --onetime --no-daemonize --color=false --show_diff --verbose "
	for _, test := range []struct {
		name    string
		files   map[string]string
		o       Options
		inputs  []any
		exit    int
		message string // of a failure
		summary string
	}{
		{name: "default", summary: "Started a Puppet run using the '" + base + "--splay --splaylimit 30' command"},
		{name: "force", inputs: []any{"force", true, "splay", true}, summary: "Started a Puppet run using the '" + base + "--no-splay' command"},
		{name: "everything", o: Options{AllowServer: true, Command: []string{"/opt/p", "agent"}},
			inputs:  []any{"tags", "one,two::three", "noop", false, "environment", "prod", "server", "puppet.example.net:8141", "use_cached_catalog", true, "ignoreschedules", true, "splay", false},
			summary: "Started a Puppet run using the '/opt/p agent" + strings.TrimPrefix(base, "puppet agent") + "--tags one,two::three --no-splay --no-noop --environment prod --server puppet.example.net --masterport 8141 --ignoreschedules --use_cached_catalog' command"},
		{name: "changed", exit: 2, o: Options{NoSplay: true}, summary: "Started a Puppet run using the '" + base + "--no-splay' command"},
		{name: "fails", exit: 1, o: Options{NoSplay: true}, message: "Puppet command '" + base + "--no-splay' had exit code 1, expected 0"},
		{name: "disabled", files: map[string]string{locked: `{"disabled_message":"broken"}`}, message: "Puppet is disabled: 'broken'"},
		{name: "disabled for no reason", files: map[string]string{locked: ""}, message: "Puppet is disabled"},
		{name: "applying", files: map[string]string{running: "88"}, message: "Puppet is currently applying a catalog, cannot run now"},
		{name: "server", inputs: []any{"server", "other.example.net"}, message: "Passing 'server' option is not allowed in module configuration"},
		{name: "daemon", files: map[string]string{pidfile: "77"}, summary: "Signalled the running Puppet Daemon"},
		{name: "daemon and options", files: map[string]string{pidfile: "77"}, inputs: []any{"noop", true}, message: "Cannot specify any custom puppet options when the daemon is running"},
		{name: "daemon not to be used", files: map[string]string{pidfile: "77"}, o: Options{NoSignal: true}, summary: "Started a Puppet run using the '" + base + "--splay --splaylimit 30' command"},
	} {
		t.Run(test.name, func(t *testing.T) {
			woken, ran := 0, 0
			test.o.Kill = func(pid int) error { woken = pid; return nil }
			test.o.Run = func(context.Context, run.Command) (*run.Result, error) {
				ran++
				return &run.Result{Exit: test.exit}, nil
			}
			test.o.Wait = func(ctx context.Context, _ time.Duration) error { <-ctx.Done(); return ctx.Err() }
			reply := agenttest.Call(t, machine(t, test.files, test.o), "runonce", test.inputs...)
			summary := agenttest.Output[string](t, reply, "summary")
			if test.message != "" && (reply.Message != test.message || summary != test.message || reply.Status != rpc.Aborted) || test.message == "" && (summary != test.summary || reply.Status != rpc.OK) {
				t.Errorf("%d %s\n%s", reply.Status, reply.Message, summary)
			}
			if signalled := test.name == "daemon"; signalled != (woken == 77) || signalled && ran > 0 {
				t.Errorf("woke %d, ran %d", woken, ran)
			}
		})
	}
	for _, inputs := range [][]any{{"tags", "a;b"}, {"tags", "a,,b"}, {"environment", "a-b"}, {"environment", "-x"}, {"server", "-x"}, {"server", "a:b"}, {"server", "a b"},
		{"splaylimit", -5}, {"splaylimit", 1.5}, {"splaylimit", 99999999}, {"splaylimit", math.NaN()}, {"splaylimit", math.Inf(1)}} {
		if reply := agenttest.Call(t, machine(t, nil, Options{AllowServer: true}), "runonce", inputs...); reply.Status != rpc.InvalidData {
			t.Errorf("%v: %d %s", inputs, reply.Status, reply.Message)
		}
	}
}

// A run goes on after its request, and a second one does not begin.
func TestRunGoesOn(t *testing.T) {
	end, over := make(chan struct{}), make(chan error, 1)
	a := machine(t, nil, Options{
		Wait: func(context.Context, time.Duration) error { return nil },
		Run: func(ctx context.Context, _ run.Command) (*run.Result, error) {
			<-end
			over <- ctx.Err()
			return &run.Result{}, nil
		},
	})
	agenttest.OK(t, a, "runonce")
	if reply := agenttest.Call(t, a, "runonce"); reply.Status != rpc.Aborted {
		t.Error(reply)
	}
	close(end)
	if err := waittest.Receive(t, "the run to end", over); err != nil {
		t.Error(err)
	}
}

func TestResource(t *testing.T) {
	var args string
	result, failure := &run.Result{}, error(nil)
	o := Options{ResourcePolicy: Resources{Types: []string{"file", "host"}, Names: func(kind string) (only, but []string) {
		if kind == "host" {
			but = []string{"localhost"}
		}
		return nil, but
	}}, Run: func(_ context.Context, c run.Command) (*run.Result, error) {
		args = c.Path + " " + strings.Join(c.Args, " ")
		return result, failure
	}}
	a := machine(t, nil, o)
	result.Stdout = []byte("Notice: /File[/tmp/x]/ensure: created\nfile { '/tmp/x':\n  ensure => 'file',\n}\n")
	reply := agenttest.OK(t, a, "resource", "type", "File", "name", "/tmp/x", "ensure", "present", "force", true)
	if got := agenttest.Output[string](t, reply, "result"); got != "Notice: /File[/tmp/x]/ensure: created" || !agenttest.Output[bool](t, reply, "changed") || args != "puppet resource --color=false file /tmp/x ensure=present force=true" {
		t.Error(got, args)
	}
	result.Stdout = []byte("file { '/tmp/x':\n}\n")
	reply = agenttest.OK(t, a, "resource", "type", "file", "name", "/tmp/x", "ensure", "present")
	if got := agenttest.Output[string](t, reply, "result"); got != "no output produced" || agenttest.Output[bool](t, reply, "changed") {
		t.Error(got)
	}
	result.Stderr = []byte("Error: Could not set 'present' on ensure: no such directory\n")
	if reply := agenttest.Call(t, a, "resource", "type", "file", "name", "/a/b"); reply.Status != rpc.Aborted || reply.Message != "Failed to apply File[/a/b]: Error: Could not set 'present' on ensure: no such directory" {
		t.Error(reply.Message)
	}
	failure = errors.New("no program puppet")
	args = ""
	for _, test := range []struct {
		inputs  []any
		message string
		status  rpc.Status
	}{
		{[]any{"type", "exec", "name", "x"}, "The exec type is not listed in the type whitelist", rpc.Aborted},
		{[]any{"type", "host", "name", "localhost"}, "The localhost name is listed in the name blacklist", rpc.Aborted},
		{[]any{"type", "file", "name", "/etc/motd"}, "Puppet is managing the resource 'File[/etc/motd]', refusing to create conflicting states", rpc.Aborted},
		{[]any{"type", "file", "name", "--modulepath=/tmp"}, `"--modulepath=/tmp" is not a name of a resource`, rpc.InvalidData},
		{[]any{"type", "../x", "name", "a"}, `"../x" is not a type of resources`, rpc.InvalidData},
		{[]any{"type", "file", "name", "/x", "--noop", "1"}, `"--noop" cannot be a property of a resource`, rpc.InvalidData},
		{[]any{"type", "file", "name", "/x", "ensure", []any{"a"}}, `"ensure" cannot be a property of a resource`, rpc.InvalidData},
	} {
		t.Run(subtest.Name(test.message), func(t *testing.T) {
			if reply := agenttest.Call(t, a, "resource", test.inputs...); reply.Status != test.status || reply.Message != test.message || args != "" {
				t.Errorf("%v: %d %s, ran %s", test.inputs, reply.Status, reply.Message, args)
			}
		})
	}
	if reply := agenttest.Call(t, machine(t, nil, Options{}), "resource", "type", "file", "name", "/x"); reply.Status != rpc.Aborted {
		t.Error("a type is allowed by default")
	}
}

func TestActive(t *testing.T) {
	if err := machine(t, nil, Options{}).Active(t.Context()); err != nil {
		t.Error(err)
	}
	a, err := New(Options{Root: dirtest.New(t)})
	if err != nil {
		t.Fatal(err)
	}
	if a.Active(t.Context()) == nil {
		t.Error("active without Puppet")
	}
}

func TestData(t *testing.T) {
	a := machine(t, map[string]string{pidfile: "77"}, Options{})
	d, err := NewData(a.opts)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewResourceData(a.opts)
	if err != nil {
		t.Fatal(err)
	}
	set := data.NewSet(d, r)
	if got, err := set.Data(t.Context(), "puppet", ""); err != nil || got["status"] != "idling" || got["since_lastrun"] != int64(93784) {
		t.Error(got, err)
	}
	if got, err := r.Query(t.Context(), ""); err != nil || got["changed_resources"] != int64(3) {
		t.Error(got, err)
	}
	for query, managed := range map[string]bool{"File[/etc/motd]": true, "file[/etc]": false} {
		t.Run(subtest.Name(query), func(t *testing.T) {
			got, err := set.Data(t.Context(), "resource", query)
			if err != nil || got["managed"] != managed || got["total_resources"] != int64(90) {
				t.Errorf("%s: %v %v", query, got, err)
			}
		})
	}
}
