package cli

import (
	"bufio"
	"fmt"
	"strings"

	"mcollective/ddl"
	"mcollective/internal/render"
	"mcollective/internal/usage"
)

// confirm asks before an action that changes things runs on several nodes.
func (o *rpcOptions) confirm(env *Env, c *ddl.Contract, nodes []string) error {
	if len(nodes) < 2 {
		return nil
	}
	return o.question(env, c, fmt.Sprintf("%d nodes", len(nodes)), ": "+firstNames(nodes, 5))
}

// confirmAll is confirm for a request to all whom the filter matches, whoever they
// are: nobody looks for them first, and they count as many.
func (o *rpcOptions) confirmAll(env *Env, c *ddl.Contract) error {
	return o.question(env, c, "all nodes that match the filter, however many they are", "")
}

// question asks about an action that changes things, if it does. Where nobody can
// be asked it refuses.
func (o *rpcOptions) question(env *Env, c *ddl.Contract, where, names string) error {
	destructive, why := c.Destructive(o.action)
	if !destructive || o.yes || o.noop {
		return nil
	}
	changes := "changes things"
	if why != "" {
		changes = "may change things (" + render.CleanLine(why) + ")"
	}
	if !env.InTerminal || !env.ErrTerminal {
		return usage.Hinted(usage.Errorf("%s %s %s on %s, and there is no terminal to ask whether that is meant", o.agent, o.action, changes, where),
			"With --yes nobody is asked; --limit-nodes 1 tries it on one node")
	}
	fmt.Fprintf(env.Err, "%s %s %s on %s%s\nGo on? [y/N] ", o.agent, o.action, changes, where, names)
	line, _ := bufio.NewReader(env.In).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	fmt.Fprintln(env.Err, "Nothing was sent.")
	return exit(exitFailed)
}
