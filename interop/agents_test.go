package interop

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// testAgentsInSixLanguages has both clients call the agent of examples/account in
// every language and mode. All answer the same, and both clients print the same.
func (c *collective) testAgentsInSixLanguages(t *testing.T) {
	c = c.beside(t, "languages")
	c.ourNode("g1", nil)
	c.await("g1")
	names := c.installAccount(c.agentsOf("g1"))
	c.reloaded("g1", names)
	for _, q := range []struct{ name, query, want string }{
		{"root", "show user=root", `"home":"/root"`},
		{"nobody", "show user=no-such-account", `"statusmsg":"no account no-such-account"`},
		{"list", "list min_uid=1 max_uid=99", `"daemon"`},
	} {
		t.Run(q.name, func(t *testing.T) {
			want := c.answer(t, "mco", "sh_oneshot", q.query)
			if !strings.Contains(want, q.want) {
				t.Fatalf("%s, want %s in it", want, q.want)
			}
			for _, name := range names {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					for _, program := range []string{"mco", mco} {
						if got := c.answer(t, program, name, q.query); got != want {
							t.Errorf("%s: %s\nsh_oneshot: %s", program, got, want)
						}
					}
					c.sameOutput(t, command{args: append(append([]string{"rpc", name}, words(q.query)...), "-I", "g1", "--sort", "--np")})
				})
			}
		})
	}
}

// agentsOf is the agents directory of one of our nodes.
func (c *collective) agentsOf(node string) string {
	return filepath.Join(c.directory(), "nodes", node, "etc", "agents")
}

// installAccount puts the agent of examples/account into a node's directory, and its
// definition into one of the Ruby client's.
func (c *collective) installAccount(dir string) []string {
	c.t.Helper()
	descriptor := c.read("../examples/account/account.yaml")
	library := filepath.Join(c.home, "lib")
	var names []string
	for _, l := range []struct{ name, end, helper string }{
		{"sh", "sh", "mco.sh"}, {"php", "php", "mco.php"}, {"python", "py", "mco.py"}, {"ruby", "rb", "mco.rb"}, {"perl", "pl", "Mco.pm"}, {"node", "js", "mco.js"},
	} {
		program := filepath.Join(dir, "account", "account."+l.end)
		c.put(program, c.read("../examples/account/account."+l.end), 0o755)
		c.put(filepath.Join(dir, "account", l.helper), c.read("../sdk/"+l.helper), 0o644)
		for _, mode := range []string{"oneshot", "worker"} {
			if l.name == "sh" && mode == "worker" {
				continue
			}
			name := l.name + "_" + mode
			names = append(names, name)
			file := filepath.Join(dir, name+".yaml")
			c.put(file, strings.NewReplacer("agent: account", "agent: "+name, "command: account.py", "command: "+program, "mode: worker ", "mode: "+mode+" ").Replace(descriptor), 0o644)
			c.put(filepath.Join(library, "mcollective", "agent", name+".ddl"), c.must(nil, mco, "ddl", "convert", file, "--to", "ruby"), 0o644)
		}
	}
	c.put(filepath.Join(c.home, ".mcollective"), c.read(filepath.Join(c.home, ".mcollective"))+"libdir = "+library+"\n", 0o600)
	return names
}

func (c *collective) read(path string) string {
	c.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		c.t.Fatal(err)
	}
	return string(text)
}

func (c *collective) put(path, text string, mode os.FileMode) {
	c.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		c.t.Fatal(err)
	}
}

// reloaded has a node read its agents anew and waits until it has them.
func (c *collective) reloaded(node string, agents []string) {
	c.t.Helper()
	if err := c.nodes[node].Process.Signal(syscall.SIGUSR1); err != nil {
		c.t.Fatal(err)
	}
	args := []string{"find", "-I", node}
	for _, name := range agents {
		args = append(args, "-A", name)
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		if got, err := c.ours(args...); err == nil && slices.Equal(got, []string{node}) {
			return
		}
	}
	c.t.Fatalf("%s does not have all of %v", node, agents)
}

// answer is what g1 says, as one line of JSON with sorted keys.
func (c *collective) answer(t *testing.T, program, agent, query string) string {
	t.Helper()
	r := c.give(t, program, append(append([]string{"rpc", agent}, words(query)...), "-I", "g1", "-j", "--dm", "mc")...)
	var list []map[string]any
	if err := json.Unmarshal([]byte(r.stdout), &list); err != nil || len(list) != 1 {
		t.Errorf("%s rpc %s %s: %d answers, %v\n%s%s", program, agent, query, len(list), err, r.stdout, r.stderr)
		return ""
	}
	delete(list[0], "agent")
	line, err := json.Marshal(list[0])
	if err != nil {
		t.Error(err)
	}
	return string(line)
}

// monitoring are plugins of Debian's monitoring-plugins-basic, with arguments for
// an ordinary machine, good and bad.
var monitoring = map[string][]string{
	"load":         {"check_load", "-w", "1000,1000,1000", "-c", "2000,2000,2000"},
	"load_per_cpu": {"check_load", "-r", "-w", "0,0,0", "-c", "900,900,900"},
	"disk":         {"check_disk", "-w", "1%", "-c", "0%", "-p", "/"},
	"disk_bad":     {"check_disk", "-w", "5%", "-c", "1%", "-p", "/no/such/directory"},
	"procs":        {"check_procs", "-w", "1:100000"},
	"procs_named":  {"check_procs", "-C", "no-such-program", "-c", "1:"},
	"users":        {"check_users", "-w", "1000", "-c", "2000"},
	"swap":         {"check_swap", "-w", "2%", "-c", "1%", "-n", "ok"},
	"dummy_ok":     {"check_dummy", "0", "all is well"},
	"dummy_warn":   {"check_dummy", "1", "not so well"},
	"dummy_crit":   {"check_dummy", "2"},
	"file_age":     {"check_file_age", "-w", "4000000000", "-c", "4000000000", "-W", "0", "-C", "0", "-f", "/etc/passwd"},
	"tcp_closed":   {"check_tcp", "-H", "127.0.0.1", "-p", "1", "-t", "3"},
	"ssh_closed":   {"check_ssh", "-H", "127.0.0.1", "-p", "1", "-t", "3"},
	"log_missing":  {"check_log", "-F", "/no/such/file", "-O", "/dev/null", "-q", "x"},
}

// testMonitoringPlugins has a node run Debian's plugins, and compares the answers
// with what the plugins say by themselves.
func (c *collective) testMonitoringPlugins(t *testing.T) {
	const directory = "/usr/lib/nagios/plugins/"
	if _, err := os.Stat(directory); err != nil {
		t.Fatalf("%v; run interop/install.sh", err)
	}
	c = c.beside(t, "monitoring")
	c.ourNode("g1", nil)
	c.await("g1")
	dir := c.agentsOf("g1")
	var names []string
	for name, args := range monitoring {
		list, err := json.Marshal(args[1:])
		if err != nil {
			t.Fatal(err)
		}
		c.put(filepath.Join(dir, name+".yaml"), "agent: "+name+"\nprotocol: nagios\ncommand: "+directory+args[0]+"\nargs: "+string(list)+"\n", 0o644)
		names = append(names, name)
	}
	c.reloaded("g1", names)
	for name, args := range monitoring {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.samePlugin(t, name, directory+args[0], args[1:]...)
		})
	}
}

// samePlugin compares what a plugin says by itself with what the node answers.
func (c *collective) samePlugin(t *testing.T, name, program string, args ...string) {
	t.Helper()
	statuses := []string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}
	cmd := exec.Command(program, args...)
	cmd.Env = []string{"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	code := cmd.ProcessState.ExitCode()
	first, _, _ := strings.Cut(string(out), "\n")
	text, perf, _ := strings.Cut(first, "|")
	var got struct {
		Code    int    `json:"statuscode"`
		Message string `json:"statusmsg"`
		Data    struct {
			Exit    int    `json:"exitcode"`
			Output  string `json:"output"`
			Perf    string `json:"perfdata"`
			Metrics []any  `json:"metrics"`
		}
	}
	line := c.answer(t, mco, name, "check")
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatal(err)
	}
	t.Log(line)
	gotFirst, _, _ := strings.Cut(got.Data.Output, "\n")
	if code > 3 || got.Data.Exit != code || steady(gotFirst, true) != steady(strings.TrimSpace(text), true) || (got.Code == 0) != (code == 0) || got.Message != statuses[code] {
		t.Errorf("%s\nby itself: %d %s", line, code, out)
	}
	if perf = strings.TrimSpace(perf); (perf == "") != (len(got.Data.Metrics) == 0) || !strings.HasPrefix(steady(got.Data.Perf, true), steady(perf, true)) {
		t.Errorf("performance data %q, metrics %v\nby itself: %s", got.Data.Perf, got.Data.Metrics, out)
	}
}

// TestPublishedPrograms has a node run tasks of Bolt and external agents of Choria
// as their authors publish them. interop/agents/README.md says which, and where
// they belong.
func TestPublishedPrograms(t *testing.T) {
	from := os.Getenv("MCO_PUBLISHED")
	if from == "" {
		t.Skip("needs published programs: see interop/agents/README.md, then MCO_PUBLISHED=DIR")
	}
	c := newBroker(t, "activemq")
	c.ourNode("g1", nil)
	c.await("g1")
	dir := c.agentsOf("g1")
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	descriptors, err := filepath.Glob("agents/*.yaml")
	if err != nil || len(descriptors) == 0 {
		t.Fatal(err)
	}
	for _, d := range descriptors {
		c.put(filepath.Join(dir, filepath.Base(d)), strings.ReplaceAll(c.read(d), "AGENTS", dir), 0o644)
	}
	c.reloaded("g1", []string{"facts_bash", "package_linux", "exec_linux", "exec_init", "parrot", "user"})
	for _, q := range []struct{ agent, query, want string }{
		{"facts_bash", "run", `"family":"Debian"`},
		{"package_linux", "run action=status name=bash", `"status":"installed"`},
		{"package_linux", "run action=status name=no-such-package", `"status":"uninstalled"`},
		{"exec_linux", "run command=hostname", `"_output":"` + hostname(t)},
		{"exec_linux", "run command=false", `"statuscode":1`},
		{"exec_init", "run command=hostname", `"_output":"` + hostname(t)},
		{"parrot", "echo message=hello", `"message":"hello"`},
		{"parrot", "invalid", `"statusmsg":"Invalid command"`},
		{"user", "list", `"statuscode":0`},
	} {
		t.Run(q.agent+" "+q.query, func(t *testing.T) {
			got := c.answer(t, mco, q.agent, q.query)
			t.Log(got)
			if !strings.Contains(got, q.want) {
				t.Errorf("%s, want %s in it", got, q.want)
			}
		})
	}
}

func hostname(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("hostname").Output()
	if err != nil {
		t.Skip(err)
	}
	return string(bytes.TrimSpace(out))
}
