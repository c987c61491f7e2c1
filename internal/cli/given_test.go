package cli

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"mcollective/connector"
	"mcollective/internal/config"
)

// refuses runs a command line that must not be obeyed: exit code 1, nothing on
// standard output, no connection, and words on standard error.
func refuses(t *testing.T, extra, want string, words ...string) {
	t.Helper()
	var out, errs bytes.Buffer
	env := homely(t)
	getenv := env.Getenv
	if err := os.WriteFile(filepath.Join(getenv("HOME"), ".mcollective"), []byte("plugin.psk = for this test only\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env.Out, env.Err = &out, &errs
	env.Getenv = func(name string) string {
		if name == "MCOLLECTIVE_EXTRA_OPTS" {
			return extra
		}
		return getenv(name)
	}
	env.Connect = func(context.Context, *config.Config, *slog.Logger) (connector.Connector, error) {
		t.Errorf("mco %q connects to the broker", words)
		return nil, errors.New("nothing is to be sent")
	}
	if code := Main(words, env); code != exitFailed || out.Len() > 0 || !strings.Contains(errs.String(), want) {
		t.Errorf("mco %q (extra %q) exits %d\nstdout %q\nstderr %q\nwant   %q", words, extra, code, out.String(), errs.String(), want)
	}
}

// Every option of every command, in every spelling, is refused with nothing in it.
func TestEmptyOptions(t *testing.T) {
	const why = "its value is empty"
	n := 0
	for _, r := range listed() {
		cmd := r.new(homely(t))
		if cmd.HasSubCommands() {
			t.Fatalf("%s has commands of its own, which nobody guards", r.name)
		}
		prepare(homely(t), cmd)
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.NoOptDefVal != "" {
				// --verbose= is a mistake, too, if not this one.
				refuses(t, "", "--"+f.Name, r.name, "--"+f.Name+"=")
				return
			}
			n++
			for _, empty := range []string{"", " ", "\t\n"} {
				refuses(t, "", "--"+f.Name+": "+why, r.name, "--"+f.Name, empty)
				refuses(t, "", "--"+f.Name+": "+why, r.name, "--"+f.Name+"="+empty)
			}
			if f.Shorthand != "" {
				refuses(t, "", "--"+f.Name+": "+why, r.name, "-"+f.Shorthand, "")
			}
			for _, spelling := range spellings(f.Name) {
				refuses(t, "", "--"+f.Name+": "+why, r.name, "--"+spelling, "")
			}
			if r.client {
				refuses(t, "--"+f.Name+" ''", "MCOLLECTIVE_EXTRA_OPTS: missing argument: --"+f.Name, r.name)
			}
		})
	}
	if n < 100 {
		t.Errorf("only %d options were tried", n)
	}
	refuses(t, "", why, "find", "--limit-n", "")
	refuses(t, "", why, "find", "-vc", "")
	refuses(t, "", why, "find", "-C", "web", "-C", "")
}

// An empty argument is no argument that was left away: inventory "" is not about
// all nodes, facts "" not about all facts.
func TestEmptyArguments(t *testing.T) {
	for _, r := range listed() {
		for _, empty := range []string{"", " "} {
			words := []string{r.name, empty}
			if r.name == "server" || r.name == "broker" || r.name == "demo" || r.name == "version" {
				refuses(t, "", "unknown command", words...) // they take no words at all
				continue
			}
			refuses(t, "", "argument 1 of "+r.name+" is empty", words...)
		}
	}
	for _, words := range [][]string{
		{"inventory", "", "--json"}, {"rpc", "rpcutil", ""}, {"rpc", "", "ping"}, {"rpcutil", "ping", ""}, {"plugin", "doc", ""},
		{"shell", "run", ""}, {"shell", "run", "id", ""}, {"process", "signal", "KILL", ""}, {"service", "", "restart"}, {"puppet", "disable", ""},
	} {
		refuses(t, "", "is empty", words...)
	}
	// Nor is an input, where an agent would take it for one that was left away.
	for _, words := range [][]string{
		{"shell", "run", "command=id", "user="}, {"process", "signal", "KILL", "pattern=x", "user="},
		{"process", "signal", "KILL", "user=x", "pattern="}, {"process", "list", "pattern="},
	} {
		refuses(t, "", "Cannot validate input", words...)
	}
}

// What contradicts itself, or is out of all bounds.
func TestOptionsThatMakeNoSense(t *testing.T) {
	for _, tc := range []struct{ want, words string }{
		{"--limit-nodes 2: it was given as 1 before", "rpc rpcutil ping --limit 1 --ln 2"},
		{"--config /b: it was given as /a before", "find -c /a -c /b"},
		{"--disc-method flatfile: it was given as mc before", "find --dm mc --dm flatfile"},
		{"--one false: it was given as true before", "rpc rpcutil ping -1 --one=false"},
		{"Invalid limit", "find --limit 0"},
		{"Invalid limit", "find --limit -1"},
		{"Invalid limit", "find --limit 0%"},
		{"Invalid limit", "find --limit 101%"},
		{"Invalid limit", "find --limit 99999999999999999999"},
		{"invalid argument: --batch", "rpc rpcutil ping --batch -1"},
		{"invalid argument: --batch", "rpc rpcutil ping --batch 0%"},
		{"invalid argument: --batch", "rpc rpcutil ping --batch 200%"},
		{"invalid argument: --ttl 0", "find --ttl 0"},
		{"invalid argument: --publish_timeout 0", "find --publish_timeout 0"},
		{"invalid argument: --connection-timeout 0", "find --connection-timeout 0"},
		{"invalid argument: --timeout 0", "rpc rpcutil ping -t 0"},
		{"invalid argument: --timeout 0", "service httpd restart --timeout 0s"},
		{"invalid argument: --discovery-timeout 0", "ping --dt 0.0"},
		{"there can be 65000 nodes at most", "demo --nodes 99999999999"},
		{"--agent service: the words say rpcutil", "rpc --agent service rpcutil ping"},
		{"--action restart: the words say ping", "rpc rpcutil ping --action restart"},
		{"nothing between two commas", "rpc rpcutil ping --fields ,"},
		{"nothing between two commas", "rpc rpcutil ping --fields pong,,x"},
		{"nothing between two commas", "puppet runonce --tags ,"},
	} {
		refuses(t, "", tc.want, strings.Fields(tc.words)...)
	}
	// An option that nothing has use for is no option that was left away.
	for _, tc := range []struct{ want, words string }{
		{"--disc-option nodes.txt: the mc discovery method has no options", "rpc rpcutil ping --do nodes.txt"},
		{"--disc-option nodes.txt: the mc discovery method has no options", "find --dm mc --do nodes.txt"},
		{"--disc-option b: the flatfile discovery method has one option", "find --dm flatfile --do a --do b"},
		{"--limit-seed does not apply to rpc", "rpc rpcutil ping --limit-seed 3"},
		{"--nodes does not apply to inventory: a node is named", "inventory n1 --nodes /"},
		{"--with-identity does not apply to inventory: a node is named", "inventory n1 -I n2"},
		{"--limit-nodes does not apply to inventory: a node is named", "inventory n1 --limit 2"},
		{"--template does not apply to inventory", "inventory --list-collectives --template /x"},
		{"Cannot mix --list-collectives and", "inventory --list-collectives --map x.dot"},
		{"Cannot mix --json and --template", "inventory --json --template x"},
		{"--tags does not apply to puppet: its action enable has no use for it", "puppet enable --tags apache"},
		{"--environment does not apply to puppet: its action status", "puppet status --environment test"},
		{"--user does not apply to shell: its action list", "shell list --user root"},
		{"--user does not apply to the action zombies", "process zombies --user root"},
		{"--zombies does not apply to the action signal", "process signal KILL pattern=x --zombies --yes"},
		{"--version does not apply to the action purge", "package nginx purge --version 1.2 --yes"},
		{"--mode does not apply to the action remove", "file remove /etc/motd --mode 0644 --yes"},
	} {
		refuses(t, "", tc.want, strings.Fields(tc.words)...)
	}
	// The line overrides the environment, and saying the same twice is no contradiction.
	refuses(t, "--limit 5 -c /b", "Invalid limit specified: 0;", "find", "--limit", "0")
	refuses(t, "--limit 5 --limit 6", "MCOLLECTIVE_EXTRA_OPTS: invalid argument: --limit-nodes 6", "find")
	refuses(t, "", "Invalid limit specified: 0;", "find", "--limit", "0", "--limit", "0")
}
