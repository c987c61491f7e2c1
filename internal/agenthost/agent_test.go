package agenthost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mcollective/agent"
	"mcollective/internal/dirtest"
	"mcollective/internal/waittest"
	"mcollective/message"
	"mcollective/rpc"
	"mcollective/value"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// directory makes an agents directory. What begins with #! is executable.
func directory(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := dirtest.New(t)
	for name, text := range files {
		put(t, filepath.Join(dir, name), text)
	}
	return dir
}

func put(t testing.TB, path, text string) {
	t.Helper()
	mode := os.FileMode(0o644)
	if strings.HasPrefix(text, "#!") {
		mode = 0o755
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	os.Remove(path)
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func logger(b *logBuffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

// open makes the agent of one file and closes it at the end.
func open(t testing.TB, path string, o Options) *Agent {
	t.Helper()
	a, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); a.facts.Close() })
	return a
}

func request(action string, inputs ...any) *agent.Request {
	return &agent.Request{
		Request: &rpc.Request{Agent: "x", Action: action, Data: value.NewMap(inputs...)},
		ID:      "0123456789abcdef0123456789abcdef", Sender: "client.example", CallerID: "uid=7", Collective: "mcollective",
		Time: time.Unix(1700000000, 0), TTL: time.Minute,
	}
}

// call runs an action as a Handler does, without its time limit.
func call(ctx context.Context, a *Agent, action string, inputs ...any) *rpc.Reply {
	reply := rpc.NewReply()
	if d := a.Definition().Action(action); d != nil {
		reply = d.Reply()
	}
	if err := a.Call(ctx, request(action, inputs...), reply); err != nil {
		reply.Fail(err)
	}
	return reply
}

// data are the outputs as JSON, which is easy to compare.
func data(r *rpc.Reply) string {
	b, _ := json.Marshal(value.ForJSON(r.Data))
	return string(b)
}

type sym = value.Symbol

func TestScript(t *testing.T) {
	dir := directory(t, map[string]string{
		"words":     "#!/bin/sh\nfor a; do echo \"[$a]\"; done",
		"pairs":     "#!/bin/sh\necho up=12; echo; echo 'host=a=b c'",
		"json":      "#!/bin/sh\necho '{\"b\": 1, \"a\": {\"x\": [1.5, null, true, \"é\"]}}'",
		"silent":    "#!/bin/sh\n:",
		"own":       "#!/bin/sh\necho '{\"mco\": {\"statuscode\": 3, \"statusmsg\": \"no disk\"}, \"n\": 1}'",
		"own1":      "#!/bin/sh\necho '{\"mco\": {\"statuscode\": 4, \"statusmsg\": \"bad disk\"}}'; exit 1",
		"almost.sh": "#!/bin/sh\necho up=12; echo 'no pair'",
		"directory": "#!/bin/sh\n[ \"$PWD\" = \"$TMPDIR\" ] && touch x && ls; stat -c %a .",
	})
	for name, want := range map[string]string{
		"words": `{"output":""}`, "pairs": `{"host":"a=b c","up":"12"}`, "json": `{"a":{"x":[1.5,null,true,"é"]},"b":1}`,
		"silent": `{"output":""}`, "almost.sh": `{"output":"up=12\nno pair"}`, "directory": `{"output":"x\n700"}`,
	} {
		t.Run(name, func(t *testing.T) {
			a := open(t, filepath.Join(dir, name), Options{})
			if r := call(t.Context(), a, "run"); r.Status != 0 || r.Message != "OK" || data(r) != want {
				t.Errorf("%s: %d %s %s", name, r.Status, r.Message, data(r))
			}
		})
	}
	words := open(t, filepath.Join(dir, "words"), Options{})
	for _, args := range []any{[]any{"a b", "$HOME", int64(1)}, `'a b' "\$HOME" 1`, `a\ b '$HOME' 1`} {
		if r := call(t.Context(), words, "run", sym("args"), args); data(r) != `{"output":"[a b]\n[$HOME]\n[1]"}` {
			t.Errorf("%v: %s", args, data(r))
		}
	}
	for _, args := range []any{`'a`, `a\`, []any{[]any{}}, value.NewMap(), "a\x00b"} {
		if r := call(t.Context(), words, "run", "args", args); r.Status != rpc.InvalidData {
			t.Errorf("%v: %d %s", args, r.Status, r.Message)
		}
	}
	r := call(t.Context(), open(t, filepath.Join(dir, "own"), Options{}), "run")
	if r.Status != 3 || r.Message != "no disk" || data(r) != `{"n":1}` {
		t.Errorf("own status: %d %s %s", r.Status, r.Message, data(r))
	}
	if r = call(t.Context(), open(t, filepath.Join(dir, "own1"), Options{}), "run"); r.Status != 4 || r.Message != "bad disk" {
		t.Errorf("own status and exit: %d %s", r.Status, r.Message)
	}
}

// TestRequest sees what a program is told.
func TestRequest(t *testing.T) {
	dir := directory(t, map[string]string{
		"tell":      "#!/bin/sh\nenv | grep -E '^(MCO_|EXTRA)' | grep -v -E 'RUN_ID|FACTS' | LC_ALL=C sort >&2\ncat \"$MCO_FACTS_FILE\" >&2\nin=$(cat); echo \"{\\\"in\\\": $in}\"",
		"tell.yaml": "agent: tell\ncommand: tell\nenv: {EXTRA: 1}\nactions:\n  look: {noop: true}\n",
		"yaml":      "#!/bin/sh\nsed 's/^/  /' | (echo in:; cat)",
		"yaml.yaml": "agent: yaml\nformat: yaml\nactions:\n  look: {}\n",
	})
	var log logBuffer
	o := Options{Config: "/etc/mcollective/server.cfg", Facts: func() map[string]any { return map[string]any{"os": "CentOS"} }, Log: logger(&log)}
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(4102444800, 0))
	defer cancel()
	in := []any{sym("name"), "böb", sym("n"), int64(3), "name", "ignored", sym("bad-name"), "x", sym("list"), []any{int64(1)},
		sym("noop"), true, sym("process_results"), true, sym("raw"), value.Binary("\xff")}
	r := call(ctx, open(t, filepath.Join(dir, "tell"), o), "look", in...)
	want := `{"in":{"action":"look","agent":"tell","caller":"uid=7","collective":"mcollective",` +
		`"data":{"bad-name":"x","list":[1],"n":3,"name":"böb","noop":true,"raw":"�"},` +
		`"deadline":4102444800,"id":"0123456789abcdef0123456789abcdef","noop":true,"sender":"client.example","time":1700000000,"ttl":60}}`
	if got := data(r); strings.ReplaceAll(got, "4102444800.0", "4102444800") != want {
		t.Errorf("%s\nwant %s\n%d %s", got, want, r.Status, r.Message)
	}
	if got := data(call(ctx, open(t, filepath.Join(dir, "yaml"), o), "look", in...)); strings.ReplaceAll(got, `"tell"`, `"yaml"`) != strings.ReplaceAll(want, `"tell"`, `"yaml"`) {
		t.Errorf("YAML: %s", got)
	}
	for _, line := range []string{"EXTRA=1", "MCO_ACTION=look", "MCO_AGENT=tell", "MCO_ARG_n=3", "MCO_ARG_name=böb", "MCO_ARG_noop=true", "MCO_CALLER=uid=7",
		"MCO_COLLECTIVE=mcollective", "MCO_CONFIG_FILE=/etc/mcollective/server.cfg", "MCO_DEADLINE=4102444800", "MCO_NOOP=true",
		"MCO_REQUEST_ID=0123456789abcdef0123456789abcdef", "MCO_SENDER=client.example"} {
		if !strings.Contains(log.String(), "msg=\""+line+"\"") && !strings.Contains(log.String(), "msg="+line+" ") {
			t.Errorf("no %s in\n%s", line, log.String())
		}
	}
	for _, line := range []string{"bad-name", "MCO_ARG_list"} {
		if strings.Contains(log.String(), line) {
			t.Errorf("%s is there", line)
		}
	}
	if !strings.Contains(log.String(), `msg="{\"os\":\"CentOS\"}" agent=tell`) {
		t.Errorf("no facts in\n%s", log.String())
	}
}

// TestEndings has every way in which a call can go wrong.
func TestEndings(t *testing.T) {
	scripts := map[string]struct {
		script, descriptor string
		status             rpc.Status
		message            string
	}{
		"failed":    {"#!/bin/sh\necho 'W! disk is full' >&2; exit 1", "", 1, "disk is full"},
		"unknown":   {"#!/bin/sh\nexit 2", "", 2, "unknown action (exit status 2)"},
		"missing":   {"#!/bin/sh\necho no name >&2; exit 3", "", 3, "no name"},
		"invalid":   {"#!/bin/sh\nexit 4", "", 4, "invalid data (exit status 4)"},
		"other":     {"#!/bin/sh\nexit 5", "", 5, "failed (exit status 5)"},
		"odd":       {"#!/bin/sh\necho why >&2; exit 42", "", 5, "agent odd ended with exit status 42: why"},
		"notfound":  {"#!/bin/sh\nexit 127", "", 5, "agent notfound ended with exit status 127, which shells mean by a command that cannot be run"},
		"signal":    {"#!/bin/sh\necho ouch >&2; kill -SEGV $$", "", 5, "agent signal was ended by a signal: segmentation fault; stderr: ouch"},
		"nointer":   {"#!/no/such/interpreter\n", "", 5, "its first line names /no/such/interpreter, which is not there"},
		"hang":      {"#!/bin/sh\necho waiting >&2; sleep 60", "", 5, "timed out: agent hang was ended after"},
		"stubborn":  {"#!/bin/sh\ntrap '' TERM; while :; do sleep 60; done", "grace: 100ms\n", 5, "timed out: agent stubborn was ended after"},
		"huge":      {"#!/bin/sh\nexec yes", "limits: {output: 10K}\n", 5, "agent huge was ended: it printed more than 10240 bytes"},
		"binary":    {"#!/bin/sh\nprintf '\\000\\377'", "", 5, "agent binary did not answer: stdout is binary data"},
		"nothing":   {"#!/bin/sh\n:", "output: json\n", 5, "agent nothing did not answer: stdout is empty, want JSON"},
		"nojson":    {"#!/bin/sh\necho hello", "output: json\n", 5, "agent nojson did not answer: stdout is not valid JSON: invalid character 'h'"},
		"cut":       {"#!/bin/sh\nprintf '{\"a\": '", "output: json\n", 5, "the JSON ends in the middle, at byte"},
		"more":      {"#!/bin/sh\necho '{} x'", "output: json\n", 5, "something follows the JSON document"},
		"list":      {"#!/bin/sh\necho '[1]'", "output: json\n", 5, "stdout is JSON, but not an object"},
		"noyaml":    {"#!/bin/sh\necho '{'", "output: yaml\n", 5, "stdout is not valid YAML"},
		"nokv":      {"#!/bin/sh\necho a=1; echo b", "output: kv\n", 5, "stdout has a line that is not key=value: line 2"},
		"badstatus": {"#!/bin/sh\necho '{\"mco\": {\"statuscode\": 700}}'", "output: json\n", 5, `the statuscode "700", not a number from 0 to 255`},
		"badmsg":    {"#!/bin/sh\necho '{\"mco\": {\"statusmsg\": []}}'", "output: json\n", 5, "a statusmsg that is not text"},
	}
	files := map[string]string{}
	for name, s := range scripts {
		files[name+".sh"] = s.script
		files[name+".yaml"] = "agent: " + name + "\n" + s.descriptor + "actions:\n  run: {}\n"
	}
	dir := directory(t, files)
	for name, s := range scripts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
			defer cancel()
			if name == "hang" || name == "stubborn" {
				ctx, cancel = context.WithTimeout(context.Background(), 300*time.Millisecond)
				defer cancel()
			}
			r := call(ctx, open(t, filepath.Join(dir, name+".yaml"), Options{}), "run")
			if r.Status != s.status || !strings.Contains(r.Message, s.message) {
				t.Errorf("%d %s", r.Status, r.Message)
			}
		})
	}
}

func TestDeclaredTypes(t *testing.T) {
	dir := directory(t, map[string]string{
		"typed":      "#!/bin/sh\nprintf 'n=5\\nf=1.5\\nb=yes\\nm=7\\ns=12\\nx=9\\nbad=no number\\n'",
		"typed.yaml": "agent: typed\noutput: kv\nactions:\n  get:\n    output:\n      n: {type: integer}\n      f: {type: float}\n      b: {type: boolean}\n      m: {type: number}\n      s: {type: string}\n      bad: {type: integer}\n",
	})
	r := call(t.Context(), open(t, filepath.Join(dir, "typed"), Options{}), "get")
	if got := data(r); got != `{"b":true,"bad":"no number","f":1.5,"m":7,"n":5,"s":"12","x":"9"}` {
		t.Error(got)
	}
	if first := r.Data.Pairs[0].Key; first != sym("n") {
		t.Errorf("the first output is %v", first)
	}
	got := fmt.Sprint(open(t, filepath.Join(dir, "typed"), Options{}).Definition().Action("get").CheckReply(r))
	if want := "[the output bad is declared as integer and is no number the output x is not declared]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestActive(t *testing.T) {
	facts := Options{Facts: func() map[string]any { return map[string]any{"os": "CentOS", "cpus": "4"} }}
	for name, test := range map[string]struct{ descriptor, want string }{
		"all there":    {"requires: {commands: [sh], files: [/], facts: {os: CentOS}}\n", ""},
		"filter":       {"requires: {facts: ['cpus>=2', 'os=/Cent/']}\n", ""},
		"no command":   {"requires: {commands: [no-such-program]}\n", "it requires the command no-such-program"},
		"no file":      {"requires: {files: [/no/such]}\n", "it requires the file /no/such, which is not there"},
		"other fact":   {"requires: {facts: {os: Debian}}\n", "it requires the fact os"},
		"few":          {"requires: {facts: 'cpus>8'}\n", "it requires the fact cpus"},
		"says yes":     {"activate: ready\n", ""},
		"says no":      {"activate: unready\n", "its action unready says that it cannot work here"},
		"fails":        {"activate: true\n", "its activation failed: not today"},
		"does not say": {"activate: hang\n", "its activation failed: timed out"},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name == "does not say" {
				t.Skip("takes two seconds")
			}
			t.Parallel()
			dir := directory(t, map[string]string{
				"x":      "#!/bin/sh\ncase $MCO_ACTION in ready) ;; unready) echo activate=false;; hang) sleep 60;; *) echo not today >&2; exit 1;; esac",
				"x.yaml": "agent: x\n" + test.descriptor + "actions:\n  run: {}\n",
			})
			err := open(t, filepath.Join(dir, "x"), facts).Active(context.Background())
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Error(err)
			}
		})
	}
}

func TestLoader(t *testing.T) {
	dir := directory(t, map[string]string{
		"plain":          "#!/bin/sh\necho 1",
		"with.sh":        "#!/bin/sh\necho 2",
		"with.yaml":      "agent: with\nactions:\n  go: {description: Go}\n",
		"deep.yaml":      "agent: deep\ncommand: run.sh\nactions:\n  go: {}\n",
		"deep/run.sh":    "#!/bin/sh\necho 3",
		"README":         "not executable",
		"old.sh~":        "#!/bin/sh\n",
		".hidden":        "#!/bin/sh\n",
		"ruby.ddl":       "metadata :name => 'ruby'\n",
		"broken.sh":      "#!/bin/sh\n",
		"broken.yaml":    "agent: broken\ncomand: x\nactions:\n  go: {}\n",
		"alone.yaml":     "agent: alone\nactions:\n  go: {}\n",
		"other.sh":       "#!/bin/sh\n",
		"other.yaml":     "agent: another\nactions:\n  go: {}\n",
		"bad name":       "#!/bin/sh\n",
		"two.sh":         "#!/bin/sh\n",
		"two.py":         "#!/bin/sh\n",
		"out.yaml":       "agent: out\ncommand: ../x\nactions:\n  go: {}\n",
		"empty.yaml":     "agent: empty\ncommand: plain\nmode: worker\n",
		"sub/not-agents": "#!/bin/sh\n",
	})
	put(t, filepath.Join(dir, "puppet.rb"), "module MCollective\n")
	os.Chmod(filepath.Join(dir, "puppet.rb"), 0o755)
	second := directory(t, map[string]string{"plain": "#!/bin/sh\necho other", "more": "#!/bin/sh\necho 4"})
	l := NewLoader(Options{Dirs: []string{dir, "/no/such/directory", second}})
	defer l.Close()
	agents, problems := l.Load(t.Context())
	for name, want := range map[string]string{"plain": "1", "with": "2", "deep": "3", "more": "4"} {
		t.Run(name, func(t *testing.T) {
			a, ok := agents[name].(*Agent)
			if !ok {
				t.Errorf("no agent %s", name)
				return
			}
			if r := call(t.Context(), a, a.Definition().Actions[0].Name); data(r) != `{"output":"`+want+`"}` {
				t.Errorf("%s: %d %s %s", name, r.Status, r.Message, data(r))
			}
		})
	}
	if len(agents) != 4 {
		t.Errorf("%d agents", len(agents))
	}
	wants := map[string]string{
		"broken": `broken.yaml:2: unknown key "comand"; did you mean "command"?`, "alone": "there is no executable alone or alone.* beside it", "other": "describes agent another",
		"bad name": "name", "two": "several programs of that name: two.py, two.sh", "out": "leads out of the directory", "empty": "declares no actions",
		"plain": "is used, which has the same name",
	}
	for _, p := range problems {
		if want, ok := wants[p.Agent]; !ok || !strings.Contains(p.Error(), want) {
			t.Errorf("problem with %s: %v", p.Agent, p)
		}
		delete(wants, p.Agent)
	}
	for name := range wants {
		t.Errorf("no problem with %s", name)
	}

	again, _ := l.Load(t.Context())
	for name := range agents {
		if again[name] != agents[name] {
			t.Errorf("%s is another, and did not change", name)
		}
	}
	put(t, filepath.Join(dir, "plain"), "#!/bin/sh\necho new")
	os.Remove(filepath.Join(second, "more"))
	again, _ = l.Load(t.Context())
	if again["plain"] == agents["plain"] || again["with"] != agents["with"] || again["more"] != nil {
		t.Error("the wrong agents are others")
	}
	if got := data(call(t.Context(), again["plain"].(*Agent), "run")); got != `{"output":"new"}` {
		t.Error(got)
	}
}

func TestTrust(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"can be written":        func(dir string) error { return os.Chmod(filepath.Join(dir, "x"), 0o757) },
		"can be written ":       func(dir string) error { return os.Chmod(dir, 0o777) },
		"can be written it ":    func(dir string) error { return os.Chmod(filepath.Dir(dir), 0o773) },
		"can be written x.y":    func(dir string) error { return os.Chmod(filepath.Join(dir, "x.yaml"), 0o666) },
		"belongs to user 65534": func(dir string) error { return os.Chown(filepath.Join(dir, "x"), 65534, 65534) },
		"can be written link": func(dir string) error {
			real := filepath.Join(filepath.Dir(dir), "real")
			return errors.Join(os.WriteFile(real, []byte("#!/bin/sh\n"), 0o755), os.Chmod(real, 0o777), os.Remove(filepath.Join(dir, "x")), os.Symlink(real, filepath.Join(dir, "x")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			if strings.HasPrefix(name, "belongs") && os.Geteuid() != 0 {
				t.Skip("needs root")
			}
			dir := filepath.Join(dirtest.New(t), "agents")
			put(t, filepath.Join(dir, "x"), "#!/bin/sh\necho ran")
			put(t, filepath.Join(dir, "x.yaml"), "agent: x\nactions:\n  run: {}\n")
			l := NewLoader(Options{Dirs: []string{dir}})
			agents, problems := l.Load(t.Context())
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			if err := spoil(dir); err != nil {
				t.Fatal(err)
			}
			want, _, _ := strings.Cut(name, " it")
			want = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSpace(want), " link"), " x.y")
			if !strings.Contains(name, "x.y") { // the descriptor was read before
				if r := call(t.Context(), agents["x"].(*Agent), "run"); r.Status != 5 || !strings.Contains(r.Message, want) {
					t.Errorf("it ran: %d %s %s", r.Status, r.Message, data(r))
				}
			}
			left, problems := l.Load(t.Context())
			if len(left) != 0 || len(problems) != 1 || !strings.Contains(problems[0].Error(), want) || !strings.Contains(problems[0].Error(), "; run: ch") {
				t.Errorf("%d agents, %v", len(left), problems)
			}
			if _, err := Open(filepath.Join(dir, "x"), Options{Unchecked: true}); err != nil {
				t.Errorf("unchecked: %v", err)
			}
		})
	}
}

// TestReload changes an agent while it is called.
func TestReload(t *testing.T) {
	// A reply takes a moment, in which the agent is replaced.
	const program = "#!/bin/sh\necho '{\"type\":\"hello\",\"protocol\":1}'\nwhile read -r x; do echo x >> BEGUN; sleep 0.3; id=${x#*\\\"id\\\":\\\"}; " +
		"echo \"{\\\"type\\\":\\\"reply\\\",\\\"id\\\":\\\"${id%%\\\"*}\\\",\\\"data\\\":{\\\"v\\\":VERSION}}\"; done"
	begun := filepath.Join(dirtest.New(t), "begun")
	version := func(n string) string { return strings.NewReplacer("VERSION", n, "BEGUN", begun).Replace(program) }
	dir := directory(t, map[string]string{
		"x":      version("1"),
		"x.yaml": "agent: x\nmode: worker\ntimeout: 20\nactions:\n  run: {}\n",
	})
	l := NewLoader(Options{Dirs: []string{dir}})
	defer l.Close()
	var log logBuffer
	handler := func() *agent.Handler {
		agents, problems := l.Load(t.Context())
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		return agent.NewHandler(agents["x"], agent.Options{Log: logger(&log)})
	}
	ask := func(h *agent.Handler) string {
		body, err := h.Handle(context.Background(), &message.Request{ID: "1", Agent: "x", Body: request("run").Body()})
		if err != nil {
			return err.Error()
		}
		r, err := rpc.ParseReply(body)
		if err != nil {
			return err.Error()
		}
		return r.Message + data(r)
	}
	old := handler()
	if got := ask(old); got != `OK{"v":1}` {
		t.Fatal(got)
	}
	under := make(chan string, 1)
	go func() { under <- ask(old) }()
	waittest.Until(t, "the call that is under way", func() bool {
		b, _ := os.ReadFile(begun)
		return strings.Count(string(b), "x") == 2
	})
	put(t, filepath.Join(dir, "x"), version("2"))
	fresh := handler()
	old.Close()
	if got := ask(fresh); got != `OK{"v":2}` {
		t.Error("new:", got)
	}
	if got := waittest.Receive(t, "the reply of the call that was under way", under); got != `OK{"v":1}` {
		t.Error("under way:", got)
	}
	fresh.Close()
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

var _ agent.Agent = (*Agent)(nil)
var _ agent.Activator = (*Agent)(nil)
var _ agent.Closer = (*Agent)(nil)
