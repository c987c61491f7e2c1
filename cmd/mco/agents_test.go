package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"mcollective/internal/dirtest"
	"mcollective/internal/subtest"
)

// TestAccountInSixLanguages calls the agent of examples/account, in each language
// and mode, on a real node: they all have to answer the same.
func TestAccountInSixLanguages(t *testing.T) {
	c := newCollective(t)
	agents := dirtest.New(t)
	names := installAccount(t, agents)
	c.node("n1", agents, "")
	all, some := accounts(t, 0, 1<<32), accounts(t, 1, 99)
	if len(all) == 0 || len(all) == len(some) {
		t.Fatalf("accounts here: %v, of the system: %v", all, some)
	}
	t.Run("languages", func(t *testing.T) {
		for _, name := range names {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				for _, q := range []struct{ args, want string }{
					{"show user=root", `{"code":0,"message":"OK","data":` + account(t, "root") + `}`},
					{"show user=no-such-account", `{"code":1,"message":"no account no-such-account","data":{"gid":null,"home":null,"shell":null,"uid":null}}`},
					{"list", fmt.Sprintf(`{"code":0,"message":"OK","data":{"accounts":%s,"count":%d}}`, toJSON(t, all), len(all))},
					{"list min_uid=1 max_uid=99", fmt.Sprintf(`{"code":0,"message":"OK","data":{"accounts":%s,"count":%d}}`, toJSON(t, some), len(some))},
				} {
					t.Run(q.args, func(t *testing.T) {
						if got := c.ask(t, name, strings.Fields(q.args)...); got != q.want {
							t.Errorf("%s: %s\nwant %s", q.args, got, q.want)
						}
					})
				}
				// What the definition forbids is not sent, and the program never sees it.
				_, stderr, exit := c.mco("rpc", name, "show", "user=$(reboot)", "-I", "n1")
				if exit == 0 || !strings.Contains(stderr, "Cannot validate input user") {
					t.Errorf("exit status %d, %s", exit, stderr)
				}
			})
		}
	})
}

// TestForeignPrograms calls programs in the forms of other projects, of which
// none knows this one.
func TestForeignPrograms(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip(err)
	}
	c := newCollective(t)
	agents := dirtest.New(t)
	if err := os.CopyFS(agents, os.DirFS("testdata/agents")); err != nil {
		t.Fatal(err)
	}
	hosts := filepath.Join(dirtest.New(t), "hosts")
	put(t, hosts, "127.0.0.1 localhost\n", 0o644)
	c.node("n1", agents, "")
	for _, q := range []struct{ args, want string }{
		{"hosts_entry run line=one path=" + hosts + " --noop", `{"code":0,"message":"OK","data":{"changed":true,"lines":1}}`},
		{"hosts_entry run line=one path=" + hosts, `{"code":0,"message":"OK","data":{"changed":true,"lines":2}}`},
		{"hosts_entry run line=one path=" + hosts, `{"code":0,"message":"OK","data":{"changed":false,"lines":2}}`},
		{"hosts_entry run line=one ensure=absent path=" + hosts, `{"code":0,"message":"OK","data":{"changed":true,"lines":1}}`},
		{"hosts_entry run line=one path=" + hosts + ".none",
			`{"code":1,"message":"there is no such file","data":{"_error":{"details":{"task":"hosts_entry"},"kind":"lines/no-file","msg":"there is no such file"}}}`},
		{"whoami run", `{"code":0,"message":"OK","data":{"_output":"user ` + whoAmI(t) + `"}}`},
		{"weather forecast place=Berlin",
			`{"code":0,"message":"OK","data":{"caller":"uid=` + strconv.Itoa(os.Getuid()) + `","days":["today","tomorrow"],"degrees":21,"role":"test","sky":"clear over Berlin"}}`},
		{"weather forecast place=nowhere", `{"code":1,"message":"nobody looks at the sky there","data":{"degrees":0,"sky":null}}`},
		{"queue check w=5 c=10 q=3", `{"code":0,"message":"OK","data":{"exitcode":0,"metrics":` + queueMetrics(3) + `,"output":"QUEUE OK - 3 waiting","perfdata":"length=3;5;10;0 age=1.5s"}}`},
		{"queue check w=5 c=10 q=12", `{"code":1,"message":"CRITICAL","data":{"exitcode":2,"metrics":` + queueMetrics(12) + `,"output":"QUEUE CRITICAL - 12 waiting","perfdata":"length=12;5;10;0 age=1.5s"}}`},
		{"queue check w=5 c=10", `{"code":1,"message":"UNKNOWN","data":{"exitcode":3,"metrics":[],"output":"QUEUE UNKNOWN - no length","perfdata":""}}`},
	} {
		t.Run(subtest.Name(q.args), func(t *testing.T) {
			args := strings.Fields(q.args)
			if got := c.ask(t, args[0], args[1:]...); got != q.want {
				t.Errorf("%s: %s\nwant %s", q.args, got, q.want)
			}
		})
	}
	if out, errs, exit := c.mco("rpc", "weather", "forecast", "place=Berlin", "-I", "n1"); exit != 0 || !strings.Contains(out, "Summary of Sky:\n\n   clear over Berlin = 1") {
		t.Errorf("exit status %d\n%s%s", exit, out, errs)
	}
}

func queueMetrics(n int) string {
	return fmt.Sprintf(`[{"crit":10,"label":"length","min":0,"value":%d,"warn":5},{"label":"age","unit":"s","value":1.5}]`, n)
}

func whoAmI(t *testing.T) string {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return u.Username
}

// languages are the ends of examples/account, with the interpreter and the file of
// sdk that each needs.
var languages = []struct{ name, end, interpreter, helper string }{
	{"sh", "sh", "sh", "mco.sh"}, {"php", "php", "php", "mco.php"}, {"python", "py", "python3", "mco.py"},
	{"ruby", "rb", "ruby", "mco.rb"}, {"perl", "pl", "perl", "Mco.pm"}, {"node", "js", "node", "mco.js"},
}

// installAccount puts the agent into a directory in every language that there is an
// interpreter for, once as a worker and once not, and returns their names.
func installAccount(t *testing.T, dir string) []string {
	t.Helper()
	descriptor := read(t, "../../examples/account/account.yaml")
	var names []string
	for _, l := range languages {
		if _, err := exec.LookPath(l.interpreter); err != nil {
			t.Logf("%s is left out: %v", l.name, err)
			continue
		}
		put(t, filepath.Join(dir, "account", "account."+l.end), read(t, "../../examples/account/account."+l.end), 0o755)
		put(t, filepath.Join(dir, "account", l.helper), read(t, "../../sdk/"+l.helper), 0o644)
		for _, mode := range []string{"oneshot", "worker"} {
			if l.name == "sh" && mode == "worker" {
				continue
			}
			name := l.name + "_" + mode
			text := strings.NewReplacer("agent: account", "agent: "+name, "command: account.py", "command: "+filepath.Join(dir, "account", "account."+l.end),
				"mode: worker ", "mode: "+mode+" ").Replace(descriptor)
			put(t, filepath.Join(dir, name+".yaml"), text, 0o644)
			names = append(names, name)
		}
	}
	return names
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func put(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// ask runs an action on n1 and returns status, message and data as JSON with
// sorted keys.
func (c *collective) ask(t *testing.T, agent string, args ...string) string {
	t.Helper()
	out, errs, _ := c.mco(append([]string{"rpc", agent}, append(args, "-I", "n1", "-j")...)...)
	var list []struct {
		Code    int            `json:"statuscode"`
		Message string         `json:"statusmsg"`
		Data    map[string]any `json:"data"`
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) != 1 {
		t.Fatalf("mco rpc %s %q: %v\n%s%s", agent, args, err, out, errs)
	}
	data, err := json.Marshal(list[0].Data)
	if err != nil {
		t.Fatal(err)
	}
	message, _ := json.Marshal(list[0].Message)
	return fmt.Sprintf(`{"code":%d,"message":%s,"data":%s}`, list[0].Code, message, data)
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// passwd are the lines of /etc/passwd that are accounts, as fields.
func passwd(t *testing.T) [][]string {
	t.Helper()
	var all [][]string
	for line := range strings.Lines(read(t, "/etc/passwd")) {
		if f := strings.Split(strings.TrimSuffix(line, "\n"), ":"); len(f) == 7 {
			all = append(all, f)
		}
	}
	return all
}

// accounts are the names of those with numbers in a range.
func accounts(t *testing.T, from, to int) []string {
	t.Helper()
	names := []string{}
	for _, f := range passwd(t) {
		if n, err := strconv.Atoi(f[2]); err == nil && n >= from && n <= to {
			names = append(names, f[0])
		}
	}
	return names
}

// account is what the agent has to tell of one.
func account(t *testing.T, name string) string {
	t.Helper()
	for _, f := range passwd(t) {
		if f[0] == name {
			return fmt.Sprintf(`{"gid":%s,"home":%s,"shell":%s,"uid":%s}`, f[3], toJSON(t, f[5]), toJSON(t, f[6]), f[2])
		}
	}
	t.Fatalf("no account %s", name)
	return ""
}
