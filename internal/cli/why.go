package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"mcollective/client"
	"mcollective/filter"
	"mcollective/internal/agents/rpcutil"
	"mcollective/internal/render"
	"mcollective/value"
)

// whyOptions are the flags of why.
type whyOptions struct {
	clientFlags
	agent string
}

func newWhy(env *Env) *cobra.Command {
	o := &whyOptions{}
	cmd := &cobra.Command{
		Use:   "why [options] [filters] [agent]",
		Short: "Explain why nodes are not found",
		Long: `Asks all nodes of the collective, whatever the filter, and says which part of the
filter excludes how many of them, and what comes near to what was asked for. With
the name of an agent, also who does not have it, and why.`,
		Example: "    mco why -F operatingsystem=Centos -C webserver\n" +
			"    mco why -S 'web and country=de' service",
		ValidArgsFunction: func(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return beginning(describedAgents(env, completionLibrary(env)), word), cobra.ShellCompDirectiveNoFileComp
		},
	}
	o.add(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			o.agent, args = args[0], args[1:]
		}
		if err := o.check(cmd, args); err != nil {
			return err
		}
		if err := refuse(cmd, "it asks every node of the collective", "one", "limit-nodes", "limit-seed", "batch", "batch-sleep", "reply-to", "display", "nodes", "disc-method", "disc-option"); err != nil {
			return err
		}
		return o.run(cmd.Context(), env)
	}
	return cmd
}

func (o *whyOptions) run(ctx context.Context, env *Env) error {
	e, err := o.newErrand(env)
	if err != nil {
		return err
	}
	hosts := e.hosts
	if o.agent != "" {
		p, err := filter.ParsePattern(o.agent)
		if err != nil {
			return filterError(err)
		}
		hosts.Agents = append(hosts.Agents, p)
	}
	ctx, stop := env.Interruptible(ctx)
	defer stop()
	defer e.end()
	if err := e.connect(ctx); err != nil {
		return err
	}
	wait := o.discoveryTimeout.or(e.cfg.DiscoveryTimeout, broadcastTime)
	// Every node has this agent, as far as filters go; a filter without any entry would find
	// nobody, since nodes count what Find adds to it.
	found, err := e.client.Find(ctx, e.query(withAgent(filter.Filter{}, "mcollective"), wait, 0), func(string) {}, nil)
	if err != nil {
		return err
	}
	if len(found.Nodes) == 0 {
		return nobodyAtAll(e, found)
	}
	crowd, err := e.crowd(ctx, found.Nodes)
	if err != nil {
		return err
	}
	report := &explanation{env: env, crowd: crowd, target: e.target}
	for _, t := range clauses(hosts) {
		v := verdict{clause: t}
		if t.filter.NeedsData() {
			// What a data plugin says only the nodes can tell.
			answer, err := e.client.Find(ctx, e.query(t.filter, wait+functionTime, 0), func(string) {}, nil)
			if err != nil {
				return err
			}
			v.pass = asSet(answer.Nodes)
		} else {
			v.pass = crowd.passing(&t.filter)
		}
		report.verdicts = append(report.verdicts, v)
	}
	if o.rpc.json {
		return report.json()
	}
	report.print()
	if len(found.Silent) > 0 {
		fmt.Fprintf(env.Out, "\nThe broker knows of %d more that said nothing: %s\n", len(found.Silent), shortList(found.Silent))
	}
	return nil
}

// nobodyAtAll says what may be wrong where not even a question to all is answered.
func nobodyAtAll(e *errand, found *client.Found) error {
	if e.flags.rpc.json {
		if err := writeJSON(e.env, []any{}); err != nil {
			return err
		}
	}
	fmt.Fprintf(e.env.Err, "No node of the collective %s answers at all, whatever the filter.\n\n", e.target)
	if found.Exact && found.Asked == 0 {
		fmt.Fprintln(e.env.Err, "The broker knows of no node that listens: is a node running, and is it connected to this broker?")
	} else {
		fmt.Fprint(e.env.Err, "A node answers if it is connected to this broker, is a member of this collective, has\n"+
			"the same plugin.psk (or other security provider), and a clock that differs by less\n"+
			"than the ttl. The log of a node says which of these it did not like.\n")
	}
	if len(found.Silent) > 0 {
		fmt.Fprintf(e.env.Err, "The broker knows of %d that said nothing: %s\n", len(found.Silent), shortList(found.Silent))
	}
	return exit(exitFailed)
}

// crowd asks nodes what they are.
func (e *errand) crowd(ctx context.Context, nodes []string) (*crowd, error) {
	c := &crowd{byName: make(map[string]*member, len(nodes))}
	for _, n := range nodes {
		m := &member{identity: n}
		c.members = append(c.members, m)
		c.byName[n] = m
	}
	hosts := e.hosts
	e.hosts = filter.Filter{}
	defer func() { e.hosts = hosts }()
	a := audience{nodes: nodes, method: choice{name: methodBroadcast, timeout: broadcastTime}}
	_, err := e.ask(ctx, a, "inventory", value.NewMap(), func(answer client.Answer) {
		if m := c.byName[answer.Sender]; m != nil && answer.Err == nil {
			m.tell(answer.RPC.Data)
		}
	})
	if err != nil {
		return nil, err
	}
	learn(e.env, c.lesson())
	return c, nil
}

func asSet(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, n := range names {
		set[n] = true
	}
	return set
}

// shortList names some of many.
func shortList(names []string) string {
	names = sorted(names)
	shown := make([]string, min(len(names), 5))
	for i := range shown {
		shown[i] = render.CleanLine(names[i])
	}
	if len(names) > len(shown) {
		return fmt.Sprintf("%s and %d more", strings.Join(shown, ", "), len(names)-len(shown))
	}
	return strings.Join(shown, ", ")
}

// hintWhy tells people that there is a way to find out why nobody was found.
func hintWhy(env *Env, f filter.Filter, agent string) {
	if agent == rpcutil.Name {
		agent = "" // nodes without it are rare, and it would only puzzle
	}
	if !env.ErrTerminal || f.Empty() && agent == "" {
		return
	}
	words := strings.TrimSpace(strings.Join([]string{f.String(), agent}, " "))
	fmt.Fprintf(env.Err, "'%s why %s' says which part of that excludes whom.\n", filepath.Base(env.Name), words)
}

// hintWhyAfter is hintWhy for the commands that only look for nodes, once they
// ended without any.
func hintWhyAfter(env *Env, cmd *cobra.Command, err error) {
	var ended *exitError
	if !env.ErrTerminal || !errors.As(err, &ended) {
		return
	}
	var h hostFilters
	for flag, to := range map[string]*[]string{
		"with": &h.with, "select": &h.selects, "with-fact": &h.facts, "with-class": &h.classes, "with-agent": &h.agents, "with-identity": &h.identities,
	} {
		*to, _ = cmd.Flags().GetStringArray(flag)
	}
	quiet := *env
	quiet.Err = io.Discard // the command itself has said what is odd about the filter
	if f, err := h.parse(&quiet); err == nil {
		hintWhy(env, f, "")
	}
}
