package cli

import (
	"bufio"
	"fmt"
	"strings"

	"mcollective/ddl"
)

// confirm asks before an action that changes things runs on several nodes. Where
// nobody can be asked it refuses.
func (o *rpcOptions) confirm(env *Env, action *ddl.Action, nodes []string) error {
	if !action.Destructive || o.yes || o.noop || len(nodes) < 2 {
		return nil
	}
	if !env.InTerminal || !env.ErrTerminal {
		return hinted(usageErrorf("%s %s changes things on %d nodes, and there is no terminal to ask whether that is meant", o.agent, o.action, len(nodes)),
			"With --yes nobody is asked; --limit-nodes 1 tries it on one node")
	}
	shown := nodes[:min(len(nodes), 5)]
	names := make([]string, len(shown))
	for i, n := range shown {
		names[i] = cleanLine(n)
	}
	more := ""
	if len(nodes) > len(shown) {
		more = fmt.Sprintf(" and %d more", len(nodes)-len(shown))
	}
	fmt.Fprintf(env.Err, "%s %s changes things on %d nodes: %s%s\nGo on? [y/N] ", o.agent, o.action, len(nodes), strings.Join(names, ", "), more)
	line, _ := bufio.NewReader(env.In).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	fmt.Fprintln(env.Err, "Nothing was sent.")
	return exit(exitFailed)
}
