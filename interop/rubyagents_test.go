package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mcollective/agent"
	"mcollective/internal/agenthost/ruby"
	"mcollective/internal/data"
	"mcollective/internal/dirtest"
	"mcollective/internal/waittest"
	"mcollective/message"
	"mcollective/rpc"
	"mcollective/value"
)

// testAgentsInRuby has Ruby's client and ours call an agent in Ruby, on Ruby's
// daemon and on our node. All answers are the same.
func (c *collective) testAgentsInRuby(t *testing.T) {
	for _, query := range []string{
		"echo", "echo text=abc int=7 float=1.5 number=9 flag=true choice=red", "echo text=grün", "types",
		"outcome code=0", "outcome code=1", "outcome code=2", "outcome code=3", "outcome code=4", "outcome code=5", "outcome code=9",
		"wait seconds=0.1", "blob size=100000",
	} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			c.sameAgent(t, query)
		})
	}
}

// sameAgent compares the answers that each client gets to a query from each kind of
// node.
func (c *collective) sameAgent(t *testing.T, query string) {
	t.Helper()
	var answers []string
	for _, node := range []string{"r1", "g1"} {
		for _, program := range []string{"mco", mco} {
			if query == "types" && program == "mco" {
				continue // Ruby's client cannot print bytes as JSON
			}
			r := c.give(t, program, append(append([]string{"rpc", "interop"}, words(query)...), "-I", node, "-j", "--dm", "mc")...)
			var list []map[string]any
			if err := json.Unmarshal([]byte(r.stdout), &list); err != nil || len(list) != 1 {
				t.Errorf("%s on %s: %v\n%s%s", program, node, err, r.stdout, r.stderr)
				continue
			}
			delete(list[0], "sender")
			line, err := json.Marshal(list[0])
			if err != nil {
				t.Fatal(err)
			}
			answers = append(answers, string(line))
		}
	}
	for i, got := range answers {
		if got != answers[0] {
			t.Errorf("answer %d: %.2000s\nRuby's: %.2000s", i, got, answers[0])
		}
	}
}

// published are calls of agents as their authors publish them, and what the
// answers must have in them. Those that a machine cannot do are told apart by the
// agent itself, not by us.
var published = []struct{ agent, query, want string }{
	{"nrpe", "runcommand command=check_fine", `0 OK {"command":"check_fine","exitcode":0,"output":"OK all is well","perfdata":"a=1"}`},
	{"nrpe", "runcommand command=check_bad args=one!two", `1 CRITICAL {"command":"check_bad","exitcode":2,"output":"arg one two\n","perfdata":""}`},
	{"nrpe", "runcommand command=nothing", `1 UNKNOWN {"command":"nothing","exitcode":3,"output":"No such command: nothing"`},
	{"nrpe", "runallcommands", `{"commands":{"check_bad":{":exitcode":2,`},
	{"service", "status service=up", `0 OK {"status":"running"}`},
	{"service", "status service=down", `0 OK {"status":"stopped"}`},
	{"service", "start service=up", `0 OK {"status":"running"}`},
	{"service", "stop service=down", `0 OK {"status":"running"}`},
	{"service", "restart service=up", `0 OK {"status":"running"}`},
	{"package", "count", `"exitcode":0`},
	{"package", "md5", `"exitcode":0`},
	{"package", "checkupdates", `"package_manager":"apt"`},
	{"package", "status package=bash", `"status":"installed"`},
	{"package", "status package=no-such-package", `"ensure":"purged"`},
	{"package", "install package=bash", `5 Package is already installed`},
	{"package", "uninstall package=no-such-package", `5 Package is not present on the system`},
	{"puppet", "status", `"status":"stopped"`},
	{"puppet", "disable message=why", `0 OK {"enabled":false,"status":"Succesfully locked the Puppet agent: why"}`},
	{"puppet", "disable", `1 Could not disable Puppet: Already disabled`},
	{"puppet", "runonce", `1 Puppet is disabled: 'why'`},
	{"puppet", "enable", `0 OK {"enabled":true`},
	{"puppet", "last_run_summary", `"total_resources":0`},
	{"puppet", "runonce force=true", `0 OK {"initiated_at":`},
	{"puppet", "resource type=file name=MADE ensure=present", `0 OK {"changed":true`},
	{"puppet", "resource type=user name=x", `1 The user type is not listed in the type whitelist`},
	{"shell", "run command=echo-out", `"stdout":"out\n"`},
	{"shell", "start command=echo-out", `{"handle":"`},
	{"shell", "list", `":command":"echo out"`},
	{"process", "list pattern=ruby", `"pslist":[{`},
	{"filemgr", "touch file=MADE", `0 OK`},
	{"filemgr", "status file=MADE", `"present":1`},
	{"filemgr", "remove file=MADE", `0 OK`},
	{"rpcutil", "inventory", `"collectives":["mcollective"]`},
	{"rpcutil", "get_fact fact=role", `{"fact":"role","value":"web"}`},
	{"rpcutil", "agent_inventory", `{":agent":"`},
	{"rpcutil", "get_config_item item=identity", `"value":"node1"`},
	{"rpcutil", "get_data source=fact query=role", `"value":"web"`},
	{"rpcutil", "ping", `"pong":`},
	{"rpcutil", "daemon_stats", `5 No plugin global_stats defined`},
}

var publishedData = []struct{ plugin, query, want string }{
	{"nrpe", "check_bad", `{"exitcode":2}`},
	{"service", "up", `{"status":"running"}`},
	{"package", "bash", `"installed":true`},
	{"puppet", "", `"status":"stopped"`},
	{"resource", "File[/x]", `"managed":false`},
	{"sysctl", "kernel.ostype", `{"value":"Linux"}`},
	{"process", "ruby", `{"exists":true}`},
	{"fact", "role", `"value":"web"`},
	{"fstat", "/etc/passwd", `"type":"file"`},
	{"collective", "mcollective", `{"member":true}`},
	{"agent", "nrpe", `"license":"`},
}

// TestPublishedRubyAgents runs the agents of a libdir as they were published, one
// action after the other. docs/ruby-agents.md says which, and what to set.
func TestPublishedRubyAgents(t *testing.T) {
	libdir := os.Getenv("MCO_RUBY_AGENTS")
	if libdir == "" {
		t.Skip("needs published agents: see docs/ruby-agents.md, then MCO_RUBY_AGENTS=LIBDIR")
	}
	if _, err := exec.LookPath("ruby"); err != nil {
		t.Fatal(err)
	}
	dir := dirtest.New(t)
	l := ruby.NewLoader(publishedOptions(t, libdir, dir))
	defer l.Close()
	agents, problems := l.Load(t.Context())
	for _, p := range problems {
		t.Log(p)
	}
	active, inactive := agent.Activate(t.Context(), agents, nil)
	for name, why := range inactive {
		t.Logf("%-10s is inactive: %v", name, why)
	}
	for _, a := range active {
		defer a.(*ruby.Agent).Close()
	}
	for _, p := range published {
		h := active[p.agent]
		if h == nil {
			t.Logf("%-10s %-45s not called: no such agent, or inactive", p.agent, p.query)
			continue
		}
		t.Run(p.agent+" "+p.query, func(t *testing.T) {
			query := strings.NewReplacer("MADE", filepath.Join(dir, "made"), "echo-out", "echo out").Replace(p.query)
			got := callPublished(t, h, p.agent, query)
			t.Logf("%-10s %-45s %.150s", p.agent, p.query, got)
			if !strings.Contains(got, p.want) {
				t.Errorf("%s\nwant in it: %s", got, p.want)
			}
		})
	}
	var plugins []data.Plugin
	for _, p := range l.Data(t.Context()) {
		if err := p.Active(t.Context()); err != nil {
			t.Logf("data %-10s is inactive: %v", p.Definition().Metadata.Agent, err)
			continue
		}
		plugins = append(plugins, p)
	}
	set := data.NewSet(plugins...)
	for _, p := range publishedData {
		t.Run("data "+p.plugin, func(t *testing.T) {
			var values map[string]any
			var err error
			waittest.Until(t, "data "+p.plugin+" in time", func() bool { // not while Puppet is being loaded
				values, err = set.Data(t.Context(), p.plugin, p.query)
				return err == nil || !strings.Contains(err.Error(), "timed out")
			})
			got := fmt.Sprint(err)
			if err == nil {
				b, _ := json.Marshal(values)
				got = string(b)
			}
			t.Logf("data %-10s %-20s %.150s", p.plugin, p.query, got)
			if !strings.Contains(got, p.want) && !strings.Contains(got, "Can't find DDL") {
				t.Errorf("data %s(%s): %s\nwant in it: %s", p.plugin, p.query, got, p.want)
			}
		})
	}
}

// publishedOptions are those of a node with settings for the agents.
func publishedOptions(t *testing.T, libdir, dir string) ruby.Options {
	t.Helper()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("nrpe/checks.cfg", "command[check_fine]=echo 'OK all is well|a=1'\ncommand[check_bad]=echo arg $ARG1$ $ARG2$; exit 2\n", 0o644)
	puppet := write("puppet.conf", fmt.Sprintf("[main]\nvardir=%[1]s/var\nconfdir=%[1]s/conf\nrundir=%[1]s/run\nlogdir=%[1]s/log\nssldir=%[1]s/ssl\n", dir), 0o644)
	for _, sub := range []string{"var/state", "conf", "run", "log", "ssl", "jobs", "conf/code/environments/production"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	logger := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	return ruby.Options{
		Dirs: []string{libdir}, LoadPath: filepath.SplitList(os.Getenv("MCO_RUBY_LOADPATH")), Unchecked: true, LogLevel: "warn", Log: logger,
		Temp: dir, Facts: func() map[string]any { return map[string]any{"role": "web"} },
		Config: map[string]any{
			"identity": "node1", "collectives": []string{"mcollective"}, "main_collective": "mcollective", "classesfile": filepath.Join(dir, "classes.txt"),
			"configfile": filepath.Join(dir, "server.cfg"), "configdir": dir,
		},
		PluginConf: map[string]string{
			"nrpe.conf_dir":    filepath.Join(dir, "nrpe"),
			"service.provider": "service", "service.service.servicecmd": write("service", "#!/bin/sh\ntest \"$1\" = up\n", 0o755),
			"puppet.config": puppet, "puppet.command": write("puppet", "#!/bin/sh\nexit 0\n", 0o755) + " agent",
			"puppet.resource_type_whitelist": "file",
			"shell.state_path":               filepath.Join(dir, "jobs"),
		},
	}
}

// callPublished is the status, the message and the data of an answer. Keys that
// are symbols have a colon, but for the names of the outputs.
func callPublished(t *testing.T, a agent.Agent, name, query string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	action, rest, _ := strings.Cut(query, " ")
	declared := a.Definition().Action(action)
	if declared == nil {
		return "no such action"
	}
	inputs := value.NewMap()
	for rest != "" {
		var word string
		if word, rest, _ = strings.Cut(rest, " "); strings.HasPrefix(word, "command=") && name == "shell" {
			word, rest = word+" "+rest, ""
		}
		input, text, _ := strings.Cut(word, "=")
		var given any = text
		if declared.Input(input) != nil {
			v, err := declared.Coerce(input, text)
			if err != nil {
				return err.Error()
			}
			given = v
		}
		inputs.Pairs = append(inputs.Pairs, value.Pair{Key: value.Symbol(input), Value: given})
	}
	body, err := agent.NewHandler(a, agent.Options{}).Handle(ctx, &message.Request{
		ID: "0123456789abcdef0123456789abcdef", Agent: name, Sender: "client1", Caller: "uid=0", Collective: "mcollective", Time: time.Now(), TTL: time.Minute,
		Body: (&rpc.Request{Agent: name, Action: action, Data: inputs}).Body(),
	})
	if err != nil {
		return err.Error()
	}
	reply, err := rpc.ParseReply(body)
	if err != nil {
		return err.Error()
	}
	outputs := map[string]any{}
	for k := range reply.Data.All() {
		name := strings.TrimPrefix(fmt.Sprint(k), ":")
		v, _ := reply.Output(name)
		outputs[name] = shown(v)
	}
	b, err := json.Marshal(outputs)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(int(reply.Status), " ", reply.Message, " ", string(b))
}

// shown is a value as JSON has it.
func shown(v any) any {
	switch v := v.(type) {
	case *value.Map:
		m := map[string]any{}
		for k, e := range v.All() {
			if s, ok := k.(value.Symbol); ok {
				m[":"+string(s)] = shown(e)
			} else {
				m[fmt.Sprint(k)] = shown(e)
			}
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = shown(e)
		}
		return list
	case value.Symbol:
		return ":" + string(v)
	}
	if s, ok := rpc.Text(v); ok {
		return s
	}
	return v
}
