package collective

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"mcollective/internal/cli"
	"mcollective/internal/operation"
	"mcollective/internal/safetext"
	"mcollective/internal/usage"
)

// A Dialog is the user at the terminal: what an operation does is printed on the error
// stream, and questions are asked there.
type Dialog struct {
	env *cli.Env

	ShowsProgress bool // how nodes are looked for is said
	HidesSilent   bool // the command names silent nodes itself
}

// Searching says how nodes are looked for, in a line that their number ends.
func (d *Dialog) Searching(m operation.Method) {
	switch {
	case !d.ShowsProgress:
	case m.Timeout > 0:
		fmt.Fprintf(d.env.Err, "Discovering hosts using the %s method for %s second(s) .... ", m.Name, plainSeconds(m.Timeout))
	default:
		fmt.Fprintf(d.env.Err, "Discovering hosts using the %s method .... ", m.Name)
	}
}

// Searched ends the line.
func (d *Dialog) Searched(nodes int, err error) {
	switch {
	case !d.ShowsProgress:
	case err != nil:
		fmt.Fprintln(d.env.Err)
	default:
		fmt.Fprintln(d.env.Err, nodes)
	}
}

// Silent names the nodes.
func (d *Dialog) Silent(nodes []string) {
	if !d.HidesSilent {
		PrintSilent(d.env.Err, nodes, true)
	}
}

// AwaitingNames says what the command waits for.
func (d *Dialog) AwaitingNames() {
	fmt.Fprintln(d.env.Err, "Waiting for the names of nodes on standard input; with --dm mc, or with </dev/null, the collective is asked instead")
}

// Warn prints a warning.
func (d *Dialog) Warn(message string) {
	fmt.Fprintln(d.env.Err, "Warning: "+safetext.CleanLine(message))
}

// Confirm asks the question. Where nobody can be asked it refuses.
func (d *Dialog) Confirm(q operation.Question) error {
	where, names := "all nodes that match the filter, however many they are", ""
	if !q.All {
		where, names = fmt.Sprintf("%d nodes", len(q.Nodes)), ": "+FirstNames(q.Nodes, 5)
	}
	changes := "changes things"
	if q.Why != "" {
		changes = "may change things (" + safetext.CleanLine(q.Why) + ")"
	}
	if !d.env.InTerminal || !d.env.ErrTerminal {
		return usage.Hinted(usage.Errorf("%s %s %s on %s, and there is no terminal to ask whether that is meant", q.Agent, q.Action, changes, where),
			"With --yes nobody is asked; --limit-nodes 1 tries it on one node")
	}
	fmt.Fprintf(d.env.Err, "%s %s %s on %s%s\nGo on? [y/N] ", q.Agent, q.Action, changes, where, names)
	line, _ := bufio.NewReader(d.env.In).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	fmt.Fprintln(d.env.Err, "Nothing was sent.")
	return cli.Exit(cli.ExitFailed)
}

// plainSeconds returns a time in seconds, without zeros that say nothing.
func plainSeconds(d time.Duration) string {
	s := fmt.Sprintf("%.3f", d.Seconds())
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// MaxSilent is how many silent nodes are named.
const MaxSilent = 10

// PrintSilent names the nodes that listen and said nothing, not even that they do
// not match. With a filter they may also be too old to say that.
func PrintSilent(w io.Writer, names []string, filtered bool) {
	if len(names) == 0 {
		return
	}
	what := "nodes listen and did not answer"
	if filtered {
		what = "nodes listen and did not say whether they match"
	}
	if len(names) == 1 {
		what = strings.NewReplacer("nodes listen", "node listens", "they match", "it matches").Replace(what)
	}
	fmt.Fprintf(w, "%d %s: %s\n", len(names), what, FirstNames(names, MaxSilent))
}

// FirstNames are so many of some names, and how many more there are.
func FirstNames(names []string, most int) string {
	list := make([]string, 0, most)
	for _, name := range names[:min(len(names), most)] {
		list = append(list, safetext.CleanLine(name))
	}
	more := ""
	if n := len(names) - most; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(list, ", ") + more
}
