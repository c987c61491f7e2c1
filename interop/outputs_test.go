package interop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A command is given to both clients, whose outputs have to be the same line by
// line once what differs from one run to the next is put aside.
type command struct {
	args []string
	// numbers tells that the answer counts something that goes on counting.
	numbers bool
}

func words(line string) []string { return strings.Fields(line) }

// commands are given to both clients. Those that ask nodes sort what they print,
// for the order of arrival is nobody's choice.
func commands() []command {
	var list []command
	// Inputs and ways to show, for each action that Ruby's rpcutil has.
	for _, action := range []string{
		"ping", "collective_info", "inventory", "agent_inventory", "daemon_stats",
		"get_fact fact=country", "get_fact fact=nowhere", "get_facts facts=country,environment,nowhere",
		"get_config_item item=collectives", "get_config_item item=nowhere",
		"get_data source=fact query=country", "get_data source=collective query=mcollective",
		"get_data source=agent query=rpcutil", "get_data source=nowhere query=x",
	} {
		volatile := strings.HasPrefix(action, "ping") || strings.HasPrefix(action, "daemon_stats")
		for _, way := range []string{"", "-v", "-j", "--display failed", "--display ok"} {
			for _, node := range []string{"-I r1", "-I g1"} {
				list = append(list, command{args: words("rpc rpcutil " + action + " --sort --np " + way + " " + node), numbers: volatile})
			}
		}
	}
	for _, line := range []string{
		// Refused before anything is sent.
		"rpc", "rpc rpcutil", "rpc nowhere ping", "rpc rpcutil nowhere", "rpc rpcutil get_fact", "rpc rpcutil get_fact fact=a/b",
		"rpc rpcutil get_fact nonsense", "rpc rpcutil ping --batch 0%", "rpc rpcutil ping --limit x", "rpc rpcutil ping -1 --limit 2",
		// Some of the nodes, all of them, none.
		"rpc rpcutil get_fact fact=country --sort --np", "rpc rpcutil get_fact fact=country --sort --np -v -I r1 -I g1",
		"rpc rpcutil get_fact fact=country --sort --np -F country=fr", "rpc rpcutil get_fact fact=country --sort --np -C role::db -j",
		"rpc rpcutil get_fact fact=country --sort --np -F country=nowhere", "rpc rpcutil get_fact fact=country --sort --np -I nobody -t 2",
		"rpc rpcutil get_fact fact=country --sort --np --batch 2 --batch-sleep 0.1", "rpc rpcutil get_fact fact=country --sort --np -T eu_collective",
		"rpc rpcutil collective_info --sort --np", "rpc rpcutil collective_info --sort --np -j -F country=de",
		"rpc rpcutil get_fact fact=country -q --sort --np", "rpc rpcutil get_fact fact=country --sort",
		"rpc --agent rpcutil --action get_fact --arg fact=country --sort --np", "rpcutil", "rpc rpcutil ping --sort --np --ln 50% -I /g2/ -S country=fr",
		"facts country", "facts country -v", "facts nowhere", "facts country -F country=fr", "facts country -I r1",
		"inventory r1", "inventory g1", "inventory nobody -t 2", "inventory --list-collectives",
		"plugin doc", "plugin doc rpcutil", "plugin doc agent/rpcutil", "plugin doc data/fact", "plugin doc data/fstat", "plugin doc mc", "plugin doc nowhere",
		"describe_filter -F country=de", "describe_filter -C web -C db", "describe_filter -S (country=de_and_not_(web_or_db))", "describe_filter",
		"completion --list-agents", "completion --list-agents -v", "completion --list-actions --agent rpcutil", "completion --list-actions --agent rpcutil -v",
		"completion --list-inputs --agent rpcutil --action get_fact", "completion --list-inputs --agent rpcutil --action get_fact -v", "completion",
		"completion --list-actions --agent nowhere",
	} {
		args := words(line)
		for i, a := range args {
			if strings.HasPrefix(a, "(") {
				args[i] = strings.ReplaceAll(a, "_", " ")
			}
		}
		list = append(list, command{args: args, numbers: strings.HasPrefix(line, "inventory ") || strings.Contains(line, "rpcutil ping")})
	}
	return list
}

// testOutputs gives the same commands to both clients, on the same nodes.
func (c *collective) testOutputs(t *testing.T) {
	for _, cmd := range commands() {
		t.Run("mco "+strings.Join(cmd.args, " "), func(t *testing.T) {
			t.Parallel()
			c.sameOutput(t, cmd)
		})
	}
}

// sameOutput gives one command to both clients. On a busy machine a search of two
// seconds may miss a node, Ruby's or ours. A difference between the clients is there
// every time.
func (c *collective) sameOutput(t *testing.T, cmd command) {
	t.Helper()
	var differ []string
	for range 3 {
		if differ = c.compare(t, cmd); len(differ) == 0 {
			return
		}
	}
	t.Error(strings.Join(differ, "\n"))
}

// warm lets both clients learn what they keep for later.
func (c *collective) warm(t *testing.T) {
	for _, program := range []string{mco, "mco"} {
		if r := c.give(t, program, words("rpc rpcutil ping")...); r.exit != 0 {
			t.Fatalf("%s: %+v", program, r)
		}
	}
}

// A result is what a client printed and how it ended.
type result struct {
	stdout, stderr string
	exit           int
}

func (c *collective) give(t *testing.T, program string, args ...string) result {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 120*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(slices.Clone(c.env), "HOME="+c.home, "COLUMNS=80")
	if program == "mco" {
		cmd.Env = append(cmd.Env, "RUBYOPT=-r"+here+"/compat.rb")
	}
	var out, errs bytes.Buffer
	// Ruby's client reads names from standard input when it is no terminal, and a
	// device is none: it takes one that is empty for nothing to read.
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Errorf("%s %q: %v", program, args, err)
	}
	return result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

func (c *collective) compare(t *testing.T, cmd command) (differ []string) {
	args := cmd.args
	if len(args) > 0 && (args[0] == "rpc" || args[0] == "facts" || args[0] == "inventory") {
		args = append(slices.Clone(args), "--dm", "mc") // standard input is no terminal
	}
	var ours, theirs result
	var both sync.WaitGroup
	both.Go(func() { ours = c.give(t, mco, args...) })
	both.Go(func() { theirs = c.give(t, "mco", args...) })
	both.Wait()
	name := fmt.Sprintf("mco %s", strings.Join(cmd.args, " "))
	if ours.exit != theirs.exit && !justified(name, "exit") {
		differ = append(differ, fmt.Sprintf("%s: exit status %d, Ruby's %d\n%s%s", name, ours.exit, theirs.exit, ours.stdout, ours.stderr))
	}
	for _, s := range []struct{ stream, ours, theirs string }{{"stdout", ours.stdout, theirs.stdout}, {"stderr", ours.stderr, theirs.stderr}} {
		a, b := steady(s.ours, cmd.numbers), steady(s.theirs, cmd.numbers)
		if s.stream == "stderr" {
			// Ruby logs there, too, and we say beneath what it says what to do next.
			b = rubyLog.ReplaceAllString(b, "")
			if strings.HasPrefix(a, b) && ours.exit != 0 {
				continue
			}
		}
		if a == b || justified(name, s.stream) {
			continue
		}
		differ = append(differ, fmt.Sprintf("%s: %s differs\n%s", name, s.stream, sideBySide(a, b)))
		if dir := os.Getenv("MCO_INTEROP_OUTPUTS"); dir != "" {
			file := filepath.Join(dir, strings.Map(func(r rune) rune {
				if strings.ContainsRune(" /()", r) {
					return '_'
				}
				return r
			}, name+"."+s.stream))
			os.WriteFile(file+".ours", []byte(a), 0o644)
			os.WriteFile(file+".ruby", []byte(b), 0o644)
		}
	}
	return differ
}

var (
	durations = regexp.MustCompile(`\d+\.\d+ ?ms|\d+\.\d+ second|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}|(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \w{3} \d\d \d\d:\d\d:\d\d [+-]\d{4} \d{4}`)
	rubyLog   = regexp.MustCompile(`(?m)^(/usr/lib/ruby/.*: warning: |(warn|info|error) \d+/\d+/|(warn|info|error) N/N/).*\n`)
	digits    = regexp.MustCompile(`\d+(\.\d+)?`)
)

// steady is a text without what differs from run to run.
func steady(text string, numbers bool) string {
	text = durations.ReplaceAllString(text, "T")
	if numbers {
		text = digits.ReplaceAllString(text, "N")
	}
	return text
}

// sideBySide shows the lines that only one of two texts has.
func sideBySide(ours, theirs string) string {
	var b strings.Builder
	a, r := strings.Split(ours, "\n"), strings.Split(theirs, "\n")
	shown := 0
	for i := range max(len(a), len(r)) {
		var x, y string
		if i < len(a) {
			x = a[i]
		}
		if i < len(r) {
			y = r[i]
		}
		if x != y {
			fmt.Fprintf(&b, "  line %d\n    ours %q\n    ruby %q\n", i+1, x, y)
			if shown++; shown == 8 {
				b.WriteString("  ...\n")
				break
			}
		}
	}
	return b.String()
}

// A difference is one that docs/compatibility.md gives a reason for.
type difference struct {
	command *regexp.Regexp
	stream  string // stdout, stderr or exit
	why     string
}

// differences are the ones that are meant.
var differences = []difference{
	{regexp.MustCompile(`^mco plugin doc$|--list-agents`), "stdout", "more agents are built in"},
	{regexp.MustCompile(`^mco plugin doc (agent/)?rpcutil|--list-actions --agent rpcutil`), "stdout", "our rpcutil has get_ddl and more"},
	{regexp.MustCompile(`^mco plugin doc mc$`), "stdout", "the method is ours: author, version, home page"},
	{regexp.MustCompile(`daemon_stats .*-I [rg]1|get_fact fact=country (-q )?--sort|--arg fact=country`), "stdout", "threads come and go; equally frequent values have no order"},
	{regexp.MustCompile(`-1 --limit 2`), "any", "Ruby takes the last, we refuse what contradicts itself"},
	{regexp.MustCompile(`^mco plugin doc data/`), "stdout", "a validation is shown as it was written"},
	{regexp.MustCompile(`^mco completion$`), "stderr", "there are three more answers"},
	{regexp.MustCompile(`--limit x`), "stderr", "the text shows examples in the place of a regular expression"},
	{regexp.MustCompile(`^mco rpcutil$`), "any", "the name of an agent is a command"},
}

func justified(name, stream string) bool {
	return slices.ContainsFunc(differences, func(d difference) bool {
		return (d.stream == stream || d.stream == "any") && d.command.MatchString(name)
	})
}
