package commands

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"mcollective/connector"
	"mcollective/internal/cli"
	"mcollective/internal/cli/clitest"
	"mcollective/internal/config"
	"mcollective/internal/subtest"
)

// A trial is what became of a command line where no broker can be reached.
type trial struct {
	code      int
	out, errs string
	connected bool // it went as far as that
}

// try runs a command line with the settings and MCOLLECTIVE_EXTRA_OPTS.
func try(t *testing.T, settings, extra string, words ...string) trial {
	t.Helper()
	var r trial
	var out, errs bytes.Buffer
	env := clitest.Env(t)
	getenv := env.Getenv
	if err := os.WriteFile(filepath.Join(getenv("HOME"), ".mcollective"), []byte("plugin.psk = for this test only\n"+settings), 0o600); err != nil {
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
		r.connected = true
		return nil, errors.New("nothing is to be sent")
	}
	r.code = Main(words, env)
	r.out, r.errs = out.String(), errs.String()
	return r
}

// refuses runs a command line that must not be obeyed: exit code 1, nothing on
// standard output, no connection, and words on standard error.
func refuses(t *testing.T, extra, want string, words ...string) {
	t.Helper()
	if r := try(t, "", extra, words...); r.connected || r.code != cli.ExitFailed || r.out != "" || !strings.Contains(r.errs, want) {
		t.Errorf("mco %q (extra %q): %+v\nwant   %q", words, extra, r, want)
	}
}

// accepts runs a command line that goes as far as the broker.
func accepts(t *testing.T, settings string, words ...string) {
	t.Helper()
	if r := try(t, settings, "", words...); !r.connected {
		t.Errorf("mco %q (settings %q): %+v", words, settings, r)
	}
}

// Every option of every command, in every spelling, is refused with nothing in it.
func TestEmptyOptions(t *testing.T) {
	const why = "its value is empty"
	n := 0
	for _, r := range Program().Listed() {
		cmd := r.New(clitest.Env(t))
		if cmd.HasSubCommands() {
			t.Fatalf("%s has commands of its own, which nobody guards", r.Name)
		}
		cli.Prepare(clitest.Env(t), cmd)
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.NoOptDefVal != "" {
				// --verbose= is a mistake, too, if not this one.
				refuses(t, "", "--"+f.Name, r.Name, "--"+f.Name+"=")
				return
			}
			n++
			for _, empty := range []string{"", " ", "\t\n"} {
				refuses(t, "", "--"+f.Name+": "+why, r.Name, "--"+f.Name, empty)
				refuses(t, "", "--"+f.Name+": "+why, r.Name, "--"+f.Name+"="+empty)
			}
			if f.Shorthand != "" {
				refuses(t, "", "--"+f.Name+": "+why, r.Name, "-"+f.Shorthand, "")
			}
			for _, spelling := range cli.Spellings(f.Name) {
				refuses(t, "", "--"+f.Name+": "+why, r.Name, "--"+spelling, "")
			}
			if r.Client {
				refuses(t, "--"+f.Name+" ''", "MCOLLECTIVE_EXTRA_OPTS: missing argument: --"+f.Name, r.Name)
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
	for _, r := range Program().Listed() {
		for _, empty := range []string{"", " "} {
			words := []string{r.Name, empty}
			if r.Name == "server" || r.Name == "broker" || r.Name == "demo" || r.Name == "version" || r.Name == "whoami" {
				refuses(t, "", "unknown command", words...) // they take no words at all
				continue
			}
			refuses(t, "", "argument 1 of "+r.Name+" is empty", words...)
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

// Rules name commands and options that are there: a misspelled one would let pass.
func TestRules(t *testing.T) {
	for _, r := range cli.Rules {
		found := 0
		for _, row := range Program().Listed() {
			if r.Command != "" && r.Command != row.Name {
				continue
			}
			cmd := row.New(clitest.Env(t))
			all := true
			for _, name := range slices.Concat(r.Options, r.Needs, r.Excludes) {
				all = all && cmd.Flags().Lookup(name) != nil
			}
			if all {
				found++
			}
		}
		if found == 0 {
			t.Errorf("%+v: no command has these options", r)
		}
		if (r.Why != "") != (r.Excludes != nil || r.Never()) || r.Never() && r.Command == "" {
			t.Errorf("%+v says nothing", r)
		}
	}
}

// An input that is given twice, with different values, or that the action does not
// have, would be about other things than what was meant.
func TestInputsThatMakeNoSense(t *testing.T) {
	for _, tc := range []struct{ want, words string }{
		{"noop=false: the input was given as true before", "service restart httpd --noop noop=false"},
		{"noop=false: the input was given as true before", "rpc service restart service=httpd --noop noop=false"},
		{"noop=false: the input was given as true before", "file remove /tmp/x --noop noop=false"},
		{"noop=true: the input was given as false before", "puppet runonce --noop noop=false"},
		{"package=b: the input was given as a before", "package package=a package=b status"},
		{"package=nginx: the input was given as apache before", "package nginx install package=apache"},
		{"version=2: the input was given as 1 before", "package nginx install version=1 --version 2"},
		{"fact=b: the input was given as a before", "rpc rpcutil get_fact fact=a fact=b"},
		{"fact=b: the input was given as a before", "rpc rpcutil get_fact --arg fact=a fact=b"},
		{"signal=HUP: the input was given as KILL before", "process signal HUP x signal=KILL"},
		{"count=5: the input was given as 3 before", "process top 3 5"},
		{"file=/etc/b: the input was given as /etc/a before", "file cp /etc/hosts :/etc/a file=/etc/b"},
		{"the action signal of agent process has no input usr", "process signal KILL pattern=x usr=www --yes"},
		{"did you mean 'user'?", "process signal KILL pattern=x usr=www --yes"},
		{"the action install of agent package has no input versoin", "rpc package install package=nginx versoin=1.2 --yes"},
		{"the action run of agent shell has no input usr", "shell run command=id usr=www"},
		{"the action status of agent puppet has no input a", "puppet count a=b"},
		{"the action runonce of agent puppet has no input bogus", "puppet runall 1 bogus=3"},
		{"the action commit of agent file has no input bogus", "file cp /etc/hosts :/etc/a bogus=1"},
	} {
		refuses(t, "", tc.want, strings.Fields(tc.words)...)
	}
	// The same twice is no contradiction, and what an action takes besides is its own affair.
	accepts(t, "", "service", "restart", "httpd", "service=httpd", "-I", "n1")
	accepts(t, "", "puppet", "resource", "service", "httpd", "ensure=stopped", "-I", "n1")
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
		{"--template does not apply to inventory: with --list-collectives the report", "inventory --list-collectives --template /x"},
		{"--template does not apply to inventory: with --collective-graph the report", "inventory --map x.dot --template /x"},
		{"--sort does not apply to shell: with --tail output is printed as it comes", "shell run --tail --sort id"},
		{"--limit-nodes does not apply to ping: every node", "ping --limit 3"},
		{"--reply-to does not apply to ping: it shows", "ping --reply-to x"},
		{"--batch does not apply to find: it asks nothing", "find --batch 3"},
		{"--limit-seed does not apply to find: nodes are picked", "find --limit-seed 3"},
		{"--display does not apply to facts: it counts", "facts x --display ok"},
		{"--display does not apply to inventory: it prints", "inventory n1 --display ok"},
		{"--disc-method does not apply to why: it asks every node", "why --dm mc"},
		{"Cannot mix --list-collectives and", "inventory --list-collectives --map x.dot"},
		{"Cannot mix --json and --template", "inventory --json --template x"},
		{"--tail does not apply to shell: its action start", "shell start id --tail"},
		{"--rerun does not apply to puppet: its action status", "puppet status --rerun 5"},
		{"--silent does not apply to process: its action tree", "process tree --silent"},
		{"--silent does not apply to process: its action top", "process top -s"},
		{"--silent does not apply to process: with --fields", "process list -s --fields pid"},
		{"--silent does not apply to process: with --json", "process list -s -j"},
		{"--batch-sleep does not apply to rpc: there are no batches", "rpc rpcutil ping --batch-sleep 3"},
		{"--batch-sleep does not apply to rpc: there are no batches", "rpc rpcutil ping --batch 0 --batch-sleep 3"},
		{"--batch-sleep does not apply to package: there are no batches", "package nginx status --batch-sleep 3"},
		{"Cannot mix --fields and --output name", "rpc rpcutil ping -o name --fields pong"},
		{"--output does not apply to rpc: with --no-results", "rpc rpcutil ping --nr -o table"},
		{"--json does not apply to rpc: with --no-results", "rpc rpcutil ping --nr -j"},
		{"--fields does not apply to package: with --no-results", "package count --nr --fields output"},
		{"--jq does not apply to rpc: with --reply-to", "rpc rpcutil ping --reply-to mcollective.reply.x.1 --jq ."},
		{"--display does not apply to service: with --no-results", "service httpd status --display ok --nr"},
		{"--lang does not apply to agent: it is for new", "agent list --lang perl"},
		{"--config does not apply to agent: it is for list, run, test", "agent new x --lang sh -c /a"},
		{"--output does not apply to agent: it is for list, run", "agent test /x -o json"},
		{"--fields does not apply to agent: it is for run", "agent list --fields x"},
		{"--to does not apply to ddl: it is for convert", "ddl check --to ruby x.ddl"},
		{"--to does not apply to ddl: it is for convert", "ddl schema --to ruby"},
		{"--agent does not apply to completion: it needs --list-actions or --list-inputs", "completion --list-agents --agent rpcutil"},
		{"--action does not apply to completion: it needs --list-inputs", "completion --list-actions --agent rpcutil --action ping"},
		{"--verbose does not apply to completion: it needs --list-agents", "completion bash -v"},
		{`mco agent cannot "lsit"`, "agent lsit -c /a"},
		{`mco ddl cannot "cnvert"`, "ddl cnvert --to json x.yaml"},
		{"--display does not apply to puppet: it shows the answers in a form of its own", "puppet count --display ok"},
		{"--fields does not apply to puppet: it shows", "puppet runall 1 --fields summary"},
		{"--fields does not apply to puppet: it shows", "puppet summary --fields total_time"},
		{"--fields does not apply to file: it shows", "file cp /etc/motd :/etc/motd --fields changed"},
		{"--display does not apply to process: it shows", "process list --display failed"},
		{"--fields does not apply to process: it shows", "process tree --fields pid"},
		{"--fields does not apply to shell: it shows", "shell run id --fields stdout"},
		{"the action status of agent puppet does not know --noop", "puppet count --noop"},
		{"--noop is for copies to the nodes", "file cp :/etc/motd x --noop"},
		{"mode is for copies to the nodes", "file cp :/etc/motd x mode=0644"},
		{"Cannot mix --force and --splay", "puppet runonce --force --splay"},
		{"Cannot mix --no-splay and --splaylimit", "puppet runall 2 --no-splay --splaylimit 5"},
		{"--rerun 0: Puppet would run all the time", "puppet runall 2 --rerun 0"},
		{"signal needs to know which processes get it", "process signal HUP"},
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
	// A default of the configuration makes batches of which --batch-sleep says more.
	accepts(t, "default_batch_size = 5\n", "rpc", "rpcutil", "ping", "--batch-sleep", "3")
	// The line overrides the environment, and saying the same twice is no contradiction.
	refuses(t, "--limit 5 -c /b", "Invalid limit specified: 0;", "find", "--limit", "0")
	refuses(t, "--limit 5 --limit 6", "MCOLLECTIVE_EXTRA_OPTS: invalid argument: --limit-nodes 6", "find")
	refuses(t, "", "Invalid limit specified: 0;", "find", "--limit", "0", "--limit", "0")
}

// What only other commands know is for those, and no mistake in what is for all.
func TestExtraOptionsOfOtherCommands(t *testing.T) {
	const skipped = "of MCOLLECTIVE_EXTRA_OPTS is skipped"
	for _, tc := range []struct{ extra, note, words string }{
		{"-o json", "", "ping"},
		{"--output json --dt 1", "", "ping"},
		{"--output=json -y", "", "find"},
		{"--out json --yes", "", "facts x"}, // shortened as rpc has it
		{"-yo json --fields a,b", "", "inventory n1"},
		{"-qyojson", "", "why"},
		{"-vo json", "--output " + skipped + ": the command has no such option", "ping"},
		{"-yv=true --jq .", "--jq " + skipped, "ping"},
		{"--version 1.2", "", "service sshd status -I n1"},
		{"--version 1.2 -o json", "--version " + skipped, "rpc rpcutil ping -v"},
		{"-v --display ok", "--display " + skipped + ": it does not apply to ping: it shows", "ping"},
		{"--display ok", "", "ping"},
		{"--limit 3", "--limit-nodes " + skipped + ": it does not apply to ping: every node", "ping"},
		{"--batch 3", "--batch " + skipped + ": it does not apply to find: it asks", "find"},
		{"-v=true -s", "--silent " + skipped, "ping"},
		{"-I n1", "--with-identity " + skipped + ": it does not apply to inventory: a node is named", "inventory n2"},
	} {
		t.Run(subtest.Name(tc.extra), func(t *testing.T) {
			r := try(t, "", tc.extra, strings.Fields(tc.words)...)
			if !r.connected || tc.note == "" && strings.Contains(r.errs, skipped) || !strings.Contains(r.errs, tc.note) {
				t.Errorf("mco %s (extra %q): %+v, want %q", tc.words, tc.extra, r, tc.note)
			}
		})
	}
	for _, tc := range []struct{ extra, want, words string }{
		{"--bogus", "MCOLLECTIVE_EXTRA_OPTS: invalid option: --bogus", "ping"},
		{"-o json -Z", "MCOLLECTIVE_EXTRA_OPTS: invalid option: -Z", "ping"},
		{"-yZ", "MCOLLECTIVE_EXTRA_OPTS: invalid option: -Z", "ping"},
		{"-o json stray", "MCOLLECTIVE_EXTRA_OPTS: it holds a word that is not an option", "ping"},
		{"-o json -- stray", "MCOLLECTIVE_EXTRA_OPTS: it holds a word that is not an option", "ping"},
		{"--noop", "ping has no --noop, and without it would do more than you asked for", "ping"},
		{"-o json --noop", "find has no --noop", "find"},
		{"--noop", "MCOLLECTIVE_EXTRA_OPTS= mco inventory", "inventory n1"},
	} {
		refuses(t, tc.extra, tc.want, strings.Fields(tc.words)...)
	}
	// On the line itself it is a mistake still.
	refuses(t, "", "invalid option: -o", "ping", "-o", "json")
}

// Every option of a command that reads the variable may stand in it for all others:
// these go on, or refuse since they would do more.
func TestEveryOptionMayBeForOthers(t *testing.T) {
	n := 0
	for _, r := range Program().Listed() {
		if !r.Client {
			continue
		}
		cmd := r.New(clitest.Env(t))
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			ping, _ := Program().Lookup("ping")
			if ping.New(clitest.Env(t)).Flags().Lookup(f.Name) != nil || f.Name == "noop" {
				return
			}
			n++
			extra := "--" + f.Name
			if f.NoOptDefVal == "" {
				extra += " -T" // its value, whatever it looks like
			}
			if r := try(t, "", extra, "ping"); !r.connected {
				t.Errorf("%s: %+v", extra, r)
			}
		})
	}
	if n < 20 {
		t.Errorf("only %d options were tried", n)
	}
}
