package ruby

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"mcollective/agent"
	"mcollective/ddl"
	"mcollective/internal/data"
	"mcollective/internal/dirtest"
	"mcollective/internal/subtest"
	"mcollective/internal/trust"
	"mcollective/internal/waittest"
	"mcollective/message"
	"mcollective/rpc"
	"mcollective/value"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// logged is what was logged.
type logged struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// open makes a Loader of the testdata, or of another directory.
func open(t testing.TB, change func(*Options)) (*Loader, *logged) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts Ruby several times")
	}
	if _, err := exec.LookPath("ruby"); err != nil {
		t.Skip("there is no Ruby on this machine")
	}
	log := &logged{}
	dir, err := filepath.Abs("testdata/libdir")
	if err != nil {
		t.Fatal(err)
	}
	classes := filepath.Join(dirtest.New(t), "classes.txt")
	if err := os.WriteFile(classes, []byte("settings\napache\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := Options{
		Dirs: []string{dir}, Unchecked: true, LogLevel: "info", ConfigFile: "/etc/mcollective/server.cfg",
		Config: map[string]any{"identity": "node1", "collectives": []string{"mcollective", "web"}, "classesfile": classes,
			"configfile": "/etc/mcollective/server.cfg", "configdir": "/etc/mcollective", "main_collective": "mcollective"},
		PluginConf: map[string]string{"exercise.key": "value"},
		Facts: func() map[string]any {
			return map[string]any{"role": "web", "processors": 4, "os": map[string]any{"n": 1}}
		},
		Temp: dirtest.New(t),
		Log:  slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&o)
	}
	l := NewLoader(o)
	t.Cleanup(func() {
		l.mu.Lock()
		for _, a := range l.agents {
			a.Close()
		}
		l.mu.Unlock()
		l.Close()
	})
	return l, log
}

// an asks one of the agents, through the handler that a node has.
func an(t testing.TB, agents map[string]agent.Agent, name string) func(action string, inputs ...any) *rpc.Reply {
	t.Helper()
	a := agents[name]
	if a == nil {
		t.Fatalf("no agent %s", name)
	}
	if err := a.(agent.Activator).Active(t.Context()); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	h := agent.NewHandler(a, agent.Options{})
	return func(action string, inputs ...any) *rpc.Reply {
		t.Helper()
		h, err := h.Handle(t.Context(), &message.Request{
			ID: "0123456789abcdef0123456789abcdef", Agent: name, Sender: "client1", Caller: "uid=0", Collective: "web", Time: time.Unix(1700000000, 0), TTL: time.Minute,
			Body: (&rpc.Request{Agent: name, Action: action, Data: symbols(inputs...)}).Body(),
		})
		if err != nil {
			t.Fatal(err)
		}
		reply, err := rpc.ParseReply(h)
		if err != nil {
			t.Fatal(err)
		}
		return reply
	}
}

func symbols(inputs ...any) *value.Map {
	h := value.NewMap()
	for i := 0; i+1 < len(inputs); i += 2 {
		h.Pairs = append(h.Pairs, value.Pair{Key: value.Symbol(inputs[i].(string)), Value: inputs[i+1]})
	}
	return h
}

// show is an output as JSON.
func show(t *testing.T, r *rpc.Reply, output string) string {
	t.Helper()
	v, ok := r.Output(output)
	if !ok {
		return "missing: " + fmt.Sprint(r.Status, r.Message)
	}
	b, err := json.Marshal(simple(v))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func simple(v any) any {
	switch v := v.(type) {
	case *value.Map:
		m := map[string]any{}
		for k, e := range v.All() {
			m[fmt.Sprint(k)] = simple(e)
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = simple(e)
		}
		return list
	case value.Symbol:
		return string(v)
	}
	if s, ok := rpc.Text(v); ok {
		return s
	}
	return v
}

func wantJSON(t *testing.T, what, got, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		t.Errorf("%s: %s", what, got)
		return
	}
	if diff := cmp.Diff(w, g); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// TestAPI calls an agent that uses all that Ruby agents are offered.
func TestAPI(t *testing.T) {
	l, log := open(t, nil)
	agents, _ := l.Load(t.Context())
	call := an(t, agents, "exercise")

	r := call("request", "name", "abc", "count", int64(3), "undeclared", "x")
	wantJSON(t, "request", show(t, r, "seen"), `{"name":"abc","count":3,"has":[true,false],"fetch":"default","action":"request","agent":"exercise",
		"sender":"client1","caller":"uid=0","uniqid":"0123456789abcdef0123456789abcdef","time":1700000000,"data":["count","name","process_results","undeclared"],
		"started":"exercise 1.2 7","actions":true,"json":"uid=0"}`)
	wantJSON(t, "preset", show(t, r, "preset"), `"of the definition"`)
	wantJSON(t, "hooks", show(t, r, "hooks"), `["startup","before client1","after"]`)

	r = call("run")
	wantJSON(t, "run", "["+show(t, r, "out")+","+show(t, r, "err")+","+show(t, r, "status")+"]", `["out","err",3]`)
	wantJSON(t, "more of run", show(t, r, "more"), `["before in C more\n/\n",["one\n"],null,true,7,0,"none\n"]`)

	wantJSON(t, "node", show(t, call("node"), "seen"), `{"identity":"node1","instance":"node1","collectives":["mcollective","web"],"classesfile":`+
		show1(l.opts.Config["classesfile"])+`,"plugin":"value","secret":false,"libdir":1,"fact":"web","same":["web","web","web"],"number":"4","structured":{"n":"1"},
		"has":true,"more":true,"class":[true,true,false],"me":true,"agents":[true,true],"env":[],"configfile":"/etc/mcollective/server.cfg"}`)

	r = call("helpers")
	wantJSON(t, "helpers", show(t, r, "seen"), `["a\\ b","it\\'s",true,false,1,false,true,true,">=",1,5,"2",true,"base","late",20,"the tests",true,"0cc1",1]`)
	for _, want := range []string{"an information", "level=WARN msg=\"exercise.rb:", "level=ERROR msg=\"exercise.rb:"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log has no %q:\n%s", want, log)
		}
	}
	if strings.Contains(log.String(), "not to be seen") {
		t.Error("what is for debugging was logged")
	}

	wantJSON(t, "script", show(t, call("script", "name", "bob"), "greeting"), `"hello bob"`)
	if r = call("script", "name", "nobody"); r.Status != 2 || !strings.Contains(r.Message, "nobody is here") {
		t.Errorf("script: %d %s", r.Status, r.Message)
	}
	wantJSON(t, "values", show(t, call("values"), "values"), `{"symbol":"sym","string":"text","int":1,"big":1208925819614629174706176,"float":1.5,"nan":"NaN","nil":null,
		"bool":true,"list":[1,[2,{"deep":"er"}]],"time":"1970-01-01 00:00:00 UTC","binary":"\ufffd\u0000a","umlaut":"größe","latin":"größe","1":2}`)
	wantJSON(t, "other", show(t, call("other"), "answer"), `[42,"other",false]`)
}

func show1(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

func TestFailures(t *testing.T) {
	l, _ := open(t, nil)
	agents, _ := l.Load(t.Context())
	call := an(t, agents, "exercise")
	for _, c := range []struct {
		how, text string
		status    rpc.Status
	}{
		{"softly", "softly", 4}, {"aborted", "aborted", 1}, {"unknown_action", "unknown", 2}, {"missing", "missing", 3}, {"invalid", "invalid", 4}, {"other", "other", 5},
		{"error", "raised", 4}, {"exception", "an exception", 5}, {"exit", "exit", 5}, {"method", "undefined method `upcase' for nil", 5},
	} {
		t.Run(c.how, func(t *testing.T) {
			r := call("fail", "how", c.how)
			if c.how == "other" {
				c.status = 17
				if r.Status == rpc.UnknownError { // as Ruby has it: an error that has no status of its own
					c.status = rpc.UnknownError
				}
			}
			if r.Status != c.status || !strings.HasPrefix(r.Message, c.text) {
				t.Errorf("%s: %d %q, want %d %q", c.how, r.Status, r.Message, c.status, c.text)
			}
			wantJSON(t, c.how, show(t, r, "before"), `"set"`)
		})
	}
	for _, c := range []struct {
		value, text string
		status      rpc.Status
	}{
		{"abc", "OK", 0}, {"abcba", "OK", 0}, {"1.2.3.4", "OK", 0}, {"999", "Input value did not pass validation: value should be an ipv4 address", 4},
		{"xyz", "Input value did not pass validation: value should be one of abc, abcba", 4},
	} {
		t.Run(c.value, func(t *testing.T) {
			if r := call("validate", "value", c.value); r.Status != c.status || r.Message != c.text {
				t.Errorf("%s: %d %q", c.value, r.Status, r.Message)
			}
		})
	}
	if r := call("validate"); r.Status != rpc.MissingData || r.Message != "please supply a value argument" {
		t.Errorf("nothing to validate: %d %q", r.Status, r.Message)
	}
	if r := call("judged", "word", "anna"); r.Status != 0 {
		t.Errorf("judged: %d %q", r.Status, r.Message)
	}
	if r := call("judged", "word", "bob the"); r.Status != 4 || r.Message != "Cannot validate input word: 'bob the' is another word backwards" {
		t.Errorf("judged: %d %q", r.Status, r.Message)
	}
	if r := call("noise"); show(t, r, "printed") != `"yes"` {
		t.Errorf("an agent that prints: %s", show(t, r, "printed"))
	}
}

// TestProcess is about the process that the agent runs in.
func TestProcess(t *testing.T) {
	l, _ := open(t, nil)
	agents, _ := l.Load(t.Context())
	call := an(t, agents, "exercise")
	t.Run("many at once", func(t *testing.T) {
		began := time.Now()
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				if r := call("sleep", "seconds", 0.5); r.Status != 0 {
					t.Errorf("%d %s", r.Status, r.Message)
				}
			})
		}
		waittest.Return(t, "eight calls", wait.Wait)
		if took := time.Since(began); took > 3500*time.Millisecond {
			t.Errorf("took %v", took)
		}
	})
	t.Run("in time", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		req := &agent.Request{Request: &rpc.Request{Agent: "exercise", Action: "sleep", Data: symbols("seconds", int64(60))}, ID: "x", Time: time.Now()}
		err := agents["exercise"].Call(ctx, req, rpc.NewReply())
		if err == nil || !strings.HasPrefix(err.Error(), rpc.TextTimedOut) {
			t.Errorf("%v", err)
		}
		if r := call("other"); r.Status != 0 {
			t.Errorf("after that: %d %s", r.Status, r.Message)
		}
	})
	// child has the call of an action broken off that runs a command, and returns the
	// command's process.
	child := func(t *testing.T, more ...any) (pid string) {
		file := filepath.Join(dirtest.New(t), "pid")
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			req := &agent.Request{Request: &rpc.Request{Agent: "exercise", Action: "child", Data: symbols(append(more, "file", file)...)}, ID: "y", Time: time.Now()}
			done <- agents["exercise"].Call(ctx, req, rpc.NewReply())
		}()
		waittest.Until(t, "the command says its process", func() bool {
			b, _ := os.ReadFile(file)
			pid = strings.TrimSpace(string(b))
			return pid != ""
		})
		cancel()
		if err := waittest.Receive(t, "the call that was broken off", done); err == nil {
			t.Error("a call that was broken off did not fail")
		}
		return pid
	}
	gone := func(pid string) bool {
		_, err := os.Stat("/proc/" + pid)
		return err != nil
	}
	t.Run("in time, with what it runs", func(t *testing.T) {
		pid := child(t, "ended", true)
		waittest.Until(t, "the command is ended", func() bool { return gone(pid) })
	})
	t.Run("in time, without what it runs", func(t *testing.T) { // it may be one that installs packages
		pid := child(t)
		if r := call("other"); r.Status != 0 { // the one before is cancelled by then
			t.Errorf("after that: %d %s", r.Status, r.Message)
		}
		if gone(pid) {
			t.Error("the command was broken off")
		}
		n, err := strconv.Atoi(pid)
		if err != nil {
			t.Fatal(err)
		}
		syscall.Kill(-n, syscall.SIGKILL) // with what it started
		waittest.Until(t, "the command is gone", func() bool { return gone(pid) })
	})
	t.Run("dies", func(t *testing.T) {
		if r := call("quit"); r.Status != rpc.UnknownError || !strings.Contains(r.Message, "exit status 9") {
			t.Errorf("%d %s", r.Status, r.Message)
		}
		if r := call("other"); r.Status != 0 {
			t.Errorf("after that: %d %s", r.Status, r.Message)
		}
	})
	t.Run("leaves what it started", func(t *testing.T) {
		if _, err := os.Stat("/proc/self"); err != nil {
			t.Skip("no /proc to see processes in")
		}
		r := call("background")
		v, _ := r.Output("pid")
		pid, _ := v.(int64)
		if pid == 0 {
			t.Fatalf("%d %s", r.Status, r.Message)
		}
		agents["exercise"].(*Agent).Close()
		p, err := os.FindProcess(int(pid))
		if err != nil {
			t.Fatal(err)
		}
		defer p.Kill()
		if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); err != nil {
			t.Errorf("process %d is gone", pid)
		}
	})
}

// TestInactive is about agents that cannot work.
func TestInactive(t *testing.T) {
	l, _ := open(t, func(o *Options) {
		o.Wanted = func(_ ddl.Kind, name string) bool { return name != "other" }
	})
	agents, problems := l.Load(t.Context())
	active, why := agent.Activate(t.Context(), agents, func(name string) (bool, error) { return l.opts.Wanted(ddl.Agent, name), nil })
	for name, want := range map[string]string{
		"idle": "its activate_when says that it cannot work here", "broken": "syntax error", "lost": "cannot load such file -- no/such/library (LoadError at ",
		"deadly": "with exit status 3; stderr: this is the end", "oldstyle": "MCollective::Agent::Oldstyle is no RPC::Agent", "other": "disabled by the configuration",
	} {
		t.Run(name, func(t *testing.T) {
			if err := why[name]; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		})
	}
	if active["exercise"] == nil || active["guarded"] == nil || len(active) != 2 {
		t.Errorf("active: %v", active)
	}
	if len(problems) != 1 || problems[0].Agent != "undefined" || !strings.Contains(problems[0].Error(), "there is no undefined.ddl beside it") {
		t.Errorf("%v", problems)
	}
}

// TestAskedAgain has an agent that needs a directory, which comes when the agent's files have long been read.
func TestAskedAgain(t *testing.T) {
	base := dirtest.New(t)
	needed := filepath.Join(base, "needed")
	if err := os.MkdirAll(filepath.Join(base, "lib/agent"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"needs.rb":  "class MCollective::Agent::Needs < MCollective::RPC::Agent\n  activate_when { File.directory?('" + needed + "') }\n  action('try') { reply[:answer] = 1 }\nend\n",
		"needs.ddl": "metadata :name => 'needs', :description => 'd', :author => 'a', :license => 'l', :version => '1', :url => 'u', :timeout => 5\naction 'try', :description => 'd' do\n  output :answer, :description => 'd', :display_as => 'D'\nend\n",
	} {
		if err := os.WriteFile(filepath.Join(base, "lib/agent", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	l, _ := open(t, func(o *Options) { o.Dirs = []string{filepath.Join(base, "lib")} })
	clock := time.Now()
	l.now = func() time.Time { return clock }
	load := func(after time.Duration) (agent.Agent, error) {
		t.Helper()
		clock = clock.Add(after)
		agents, problems := l.Load(t.Context())
		if agents["needs"] == nil {
			t.Fatal(problems)
		}
		return agents["needs"], agents["needs"].(agent.Activator).Active(t.Context())
	}
	first, err := load(0)
	if err == nil || !strings.Contains(err.Error(), "activate_when") {
		t.Fatal(err)
	}
	if again, _ := load(askAgain); again != first {
		t.Error("an agent that still cannot work is another")
	}
	if err := os.Mkdir(needed, 0o755); err != nil {
		t.Fatal(err)
	}
	if again, err := load(askAgain); again != first || err == nil {
		t.Errorf("it was asked a third time already: %v", err)
	}
	now, err := load(askAgain)
	if err != nil || now == first {
		t.Fatalf("it is the same, and says %v", err)
	}
	if r := an(t, map[string]agent.Agent{"needs": now}, "needs")("try"); r.Status != rpc.OK {
		t.Errorf("%+v", r)
	}
	if same, err := load(24 * time.Hour); same != now || err != nil {
		t.Errorf("an agent that works is another: %v", err)
	}
}

// TestDataThatIsNoHash has what agents of Ruby 1.8 do.
func TestDataThatIsNoHash(t *testing.T) {
	l, _ := open(t, nil)
	agents, _ := l.Load(t.Context())
	call := an(t, agents, "exercise")
	for _, c := range []struct{ action, how, output, want string }{
		{"text", "text", "lines", `"a text"`}, {"text", "each", "lines", `["one","two"]`}, {"text", "nothing", "lines", "null"}, {"texts", "", "data", `"a text"`},
	} {
		t.Run(subtest.Name(c.how), func(t *testing.T) {
			inputs := []any{"how", c.how}
			if c.how == "" {
				inputs = nil
			}
			r := call(c.action, inputs...)
			if r.Status != rpc.OK {
				t.Errorf("%s %s: %d %s", c.action, c.how, r.Status, r.Message)
			}
			wantJSON(t, c.action+" "+c.how, show(t, r, c.output), c.want)
		})
	}
}

// TestAuthorization is about authorized_by, which must not be passed over.
func TestAuthorization(t *testing.T) {
	l, _ := open(t, nil)
	agents, _ := l.Load(t.Context())
	guarded := agents["guarded"]
	for caller, want := range map[string]string{"uid=0": "", "uid=1": rpc.TextDenied} {
		t.Run(caller, func(t *testing.T) {
			reply := rpc.NewReply()
			req := &agent.Request{Request: &rpc.Request{Agent: "guarded", Action: "try", Data: value.NewMap()}, ID: "x", CallerID: caller, Time: time.Now()}
			if err := guarded.Call(t.Context(), req, reply); err != nil {
				t.Fatal(err)
			}
			if (want == "") != (reply.Status == 0) || want != "" && reply.Message != want {
				t.Errorf("%s: %d %s", caller, reply.Status, reply.Message)
			}
		})
	}
}

func TestData(t *testing.T) {
	l, _ := open(t, nil)
	plugins := l.Data(t.Context())
	var able []data.Plugin
	for _, p := range plugins {
		err := p.Active(t.Context())
		if useless := p.Definition().Metadata.Agent == "useless"; useless != (err != nil) {
			t.Errorf("%s: %v", p.Definition().Metadata.Agent, err)
		} else if !useless {
			able = append(able, p)
		}
	}
	set := data.NewSet(able...)
	ask := func(plugin, query string) string {
		values, err := set.Data(t.Context(), plugin, query)
		if err != nil {
			return err.Error()
		}
		b, _ := json.Marshal(values)
		return string(b)
	}
	for _, c := range []struct{ plugin, query, want string }{
		{"answers", "abc", `{"even":false,"size":3,"text":"preset"}`},
		{"answers", "", `{"even":true,"size":0,"text":"preset"}`},
		{"answers", "refuse", "it does not want to"},
		{"answers", "nil", "Can only store String, Integer, Float or Boolean data but got NilClass for key text"},
		{"double", "21", `{"size":42}`},
	} {
		t.Run(subtest.Name(c.query), func(t *testing.T) {
			if got := ask(c.plugin, c.query); got != c.want && !(c.query == "" && strings.Contains(got, "Cannot validate")) {
				t.Errorf("%s(%s): %s, want %s", c.plugin, c.query, got, c.want)
			}
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := set.Data(ctx, "answers", "hang"); err == nil {
		t.Error("a query that hangs came to an end")
	}
	if got := ask("double", "4"); got != `{"size":8}` {
		t.Errorf("after that: %s", got)
	}
}

// TestReload is about files that change.
func TestReload(t *testing.T) {
	dir := dirtest.New(t)
	if err := os.CopyFS(filepath.Join(dir, "agent"), os.DirFS("testdata/libdir/mcollective/agent")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"exercise", "guarded", "deadly", "broken", "lost", "undefined", "idle", "oldstyle"} {
		os.Remove(filepath.Join(dir, "agent", name+".rb"))
	}
	l, _ := open(t, func(o *Options) { o.Dirs = []string{filepath.Join(dir, "nothing"), dir} })
	first, problems := l.Load(t.Context())
	if len(first) != 1 || len(problems) != 0 {
		t.Fatalf("%v %v", first, problems)
	}
	if got := show(t, an(t, first, "other")("try"), "answer"); got != "42" {
		t.Error(got)
	}
	if again, _ := l.Load(t.Context()); again["other"] != first["other"] {
		t.Error("an agent that did not change is another")
	}
	path := filepath.Join(dir, "agent", "other.rb")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), "42", "4711", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	second, _ := l.Load(t.Context())
	if second["other"] == first["other"] {
		t.Fatal("an agent that changed is the same")
	}
	if got := show(t, an(t, second, "other")("try"), "answer"); got != "4711" {
		t.Error(got)
	}
	first["other"].(*Agent).Close()
}

// TestTrust is about files that others may write to.
func TestTrust(t *testing.T) {
	dir := dirtest.New(t)
	if err := trust.Check(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS("testdata/libdir/mcollective")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "util", "exercise", "late.rb"), 0o666); err != nil {
		t.Fatal(err)
	}
	l, _ := open(t, func(o *Options) { o.Dirs, o.Unchecked = []string{dir}, false })
	agents, problems := l.Load(t.Context())
	if len(agents) != 0 {
		t.Errorf("%v", agents)
	}
	for _, p := range problems {
		if p.Agent == "exercise" && !strings.Contains(p.Error(), "can be written by users other than its owner") {
			t.Error(p)
		}
	}
}

// TestNoRuby is about a machine without Ruby.
func TestNoRuby(t *testing.T) {
	l, _ := open(t, func(o *Options) { o.Ruby = "/no/such/ruby" })
	agents, _ := l.Load(t.Context())
	err := agents["exercise"].(agent.Activator).Active(t.Context())
	if err == nil || !strings.Contains(err.Error(), "/no/such/ruby") {
		t.Errorf("%v", err)
	}
	if again, _ := l.Load(t.Context()); again["exercise"] != agents["exercise"] {
		t.Error("an agent that still cannot work is another")
	}
}
