package inventory

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"mcollective/client"
	"mcollective/internal/cli"
	"mcollective/internal/cli/collective"
	"mcollective/internal/cli/outputs"
	"mcollective/internal/operation"
	"mcollective/internal/safetext"
	"mcollective/internal/usage"
	"mcollective/value"
)

// A membership is which nodes are in which collective.
type membership struct {
	members map[string][]string
	nodes   int
	targets *operation.Targets
	account *client.Account
}

// memberships asks all nodes that the filter matches.
func memberships(ctx context.Context, i *collective.Invocation) (*membership, error) {
	m := &membership{members: make(map[string][]string)}
	var err error
	if m.targets, err = i.Search(ctx, collective.EveryNode); err != nil {
		return nil, err
	}
	if len(m.targets.Nodes) == 0 {
		_ = i.NothingFound(collective.EveryNode) // which is no reason to end here
	}
	m.account, err = i.Ask(ctx, m.targets, "collective_info", value.NewMap(), func(answer client.Answer) {
		list := outputs.Output(answer.RPC.Data, "collectives")
		if list == nil {
			return
		}
		for _, name := range outputs.Texts(list) {
			m.members[name] = append(m.members[name], answer.Sender)
		}
		m.nodes++
	})
	return m, err
}

// told is how many nodes are in the report, and of how many if some did not say.
func (m *membership) told() string {
	if asked := len(m.targets.Nodes); m.nodes < asked {
		return fmt.Sprintf("%d of %d", m.nodes, asked)
	}
	return strconv.Itoa(m.nodes)
}

// listCollectives prints how many nodes are in each collective.
func (o *inventoryOptions) listCollectives(ctx context.Context, i *collective.Invocation) error {
	m, err := memberships(ctx, i)
	if err != nil {
		return err
	}
	names := cli.SortedKeys(m.members)
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(len(m.members[a]), len(m.members[b])) })
	if o.Results.JSON {
		type row struct {
			Collective string   `json:"collective"`
			Nodes      []string `json:"nodes"`
		}
		list := make([]row, len(names))
		for i, name := range names {
			list[i] = row{name, cli.Sorted(m.members[name])}
		}
		if err := cli.WriteJSON(i.Env, list); err != nil {
			return err
		}
		return collective.ExitStatus(m.targets, m.account)
	}
	fmt.Fprintf(i.Env.Out, "   %-30s %s\n   %-30s %s\n", "Collective", "Nodes", "==========", "=====")
	for _, name := range names {
		fmt.Fprintf(i.Env.Out, "   %-30s %d\n", safetext.CleanLine(name), len(m.members[name]))
	}
	fmt.Fprintf(i.Env.Out, "\n   %30s %s\n\n", "Total nodes:", m.told())
	return collective.ExitStatus(m.targets, m.account)
}

// drawCollectives writes a graph of who is in which collective.
func (o *inventoryOptions) drawCollectives(ctx context.Context, i *collective.Invocation) error {
	// Opened first, as in Ruby: anyone who cannot have the file need not wait.
	f, err := os.Create(o.graph)
	if err != nil {
		return usage.Errorf("write the graph: %w", err)
	}
	defer f.Close()
	fmt.Fprintln(i.Env.Out, "Retrieving collective info....")
	m, err := memberships(ctx, i)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(m.dot()); err != nil {
		return fmt.Errorf("write the graph: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write the graph: %w", err)
	}
	fmt.Fprintf(i.Env.Out, "Graph of %s nodes has been written to %s\n", m.told(), o.graph)
	return collective.ExitStatus(m.targets, m.account)
}

// dot returns the graph in the language of Graphviz.
func (m *membership) dot() string {
	name := func(s string) string {
		return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(safetext.CleanLine(s))
	}
	var b strings.Builder
	b.WriteString("graph {\n")
	for _, c := range cli.SortedKeys(m.members) {
		fmt.Fprintf(&b, "   subgraph \"%s\" {\n", name(c))
		for _, node := range cli.Sorted(m.members[c]) {
			fmt.Fprintf(&b, "      \"%s\" -- \"%s\"\n", name(node), name(c))
		}
		b.WriteString("   }\n")
	}
	b.WriteString("}\n")
	return b.String()
}
