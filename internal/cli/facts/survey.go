package facts

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"mcollective/client"
	"mcollective/internal/cli"
	"mcollective/internal/cli/collective"
	"mcollective/internal/cli/outputs"
	"mcollective/internal/clientfiles"
	"mcollective/internal/operation"
	"mcollective/internal/safetext"
	"mcollective/value"
)

// survey prints the nodes that the filter matches and in which facts they differ.
func (o *factsOptions) survey(ctx context.Context, i *collective.Invocation, t *operation.Targets) error {
	spread := o.Results.JSON || o.Verbose || i.Env.OutTerminal
	var vary *variation
	var account *client.Account
	if spread && len(t.Nodes) > 0 {
		vary = newVariation()
		var err error
		account, err = i.Ask(ctx, t, "inventory", value.NewMap(), func(answer client.Answer) {
			facts, _ := answer.RPC.Output("facts")
			vary.add(facts)
		})
		if err != nil {
			return err
		}
		i.Env.Files().Remember(vary.completions(t.Nodes))
	}
	if o.Results.JSON {
		if err := cli.WriteJSON(i.Env, vary.list()); err != nil {
			return err
		}
	} else {
		nodes := t.Nodes
		if o.Sort {
			nodes = cli.Sorted(nodes)
		}
		for _, n := range nodes {
			fmt.Fprintln(i.Env.Out, safetext.CleanLine(n))
		}
		vary.print(i.Env)
	}
	if len(t.Nodes) == 0 {
		_ = i.NothingFound(collective.EveryNode) // which is no reason to end here
	}
	if account == nil && len(t.Nodes) > 0 {
		return nil
	}
	return collective.ExitStatus(t, account)
}

// Bounds on what a survey keeps: the facts of nodes are as many as they like.
const (
	mostFacts    = 5000
	mostDistinct = 500
)

// A variation counts the values of all facts of some nodes.
type variation struct {
	nodes int
	facts map[string]map[string]int
}

func newVariation() *variation { return &variation{facts: make(map[string]map[string]int)} }

// add counts the facts of one node.
func (v *variation) add(facts any) {
	h, ok := facts.(*value.Map)
	if !ok || h == nil {
		return
	}
	v.nodes++
	outputs.FlatFacts(h, "", 0, func(name, value string) {
		counts := v.facts[name]
		if counts == nil {
			if len(v.facts) >= mostFacts {
				return
			}
			counts = make(map[string]int)
			v.facts[name] = counts
		}
		if _, there := counts[value]; there || len(counts) < mostDistinct {
			counts[value]++
		}
	})
}

// completions returns what the shell may offer after the survey.
func (v *variation) completions(nodes []string) clientfiles.Names {
	l := clientfiles.Names{Identities: nodes, Facts: make(map[string][]string, len(v.facts))}
	for name, counts := range v.facts {
		values := cli.SortedKeys(counts)
		l.Facts[name] = values[:min(len(values), clientfiles.MostValues)]
	}
	return l
}

// A spread is a fact that is not the same everywhere, and one object of the JSON
// output.
type spread struct {
	Fact   string         `json:"fact"`
	Values map[string]int `json:"values"`
}

// list returns the facts that vary: those with few values first, which are the
// better filters.
func (v *variation) list() []spread {
	if v == nil {
		return nil
	}
	var list []spread
	for name, counts := range v.facts {
		have := 0
		for _, n := range counts {
			have += n
		}
		if len(counts) > 1 || have < v.nodes {
			list = append(list, spread{name, counts})
		}
	}
	slices.SortFunc(list, func(a, b spread) int {
		return cmp.Or(cmp.Compare(len(a.Values), len(b.Values)), cmp.Compare(a.Fact, b.Fact))
	})
	return list
}

func (v *variation) print(env *cli.Env) {
	list := v.list()
	if v == nil || v.nodes == 0 {
		return
	}
	if len(list) == 0 {
		fmt.Fprintf(env.Out, "\nNo fact differs on these %d nodes.\n", v.nodes)
		return
	}
	wide := 0
	for _, s := range list {
		if len(s.Values) < v.nodes {
			wide = max(wide, len(s.Fact))
		}
	}
	wide = min(wide, 32)
	columns := cli.Width(env)
	if columns == 0 {
		columns = 80
	}
	fmt.Fprintf(env.Out, "\nFacts that differ on these %d nodes:\n\n", v.nodes)
	var unique []string
	for _, s := range list {
		if len(s.Values) >= v.nodes && v.nodes > 1 {
			unique = append(unique, cli.Tidy(env, s.Fact))
			continue
		}
		line := fmt.Sprintf("   %-*s %s", wide, cli.Tidy(env, s.Fact), s.summary(v.nodes))
		if r := []rune(line); len(r) > columns {
			line = string(r[:columns-1]) + "…"
		}
		fmt.Fprintln(env.Out, line)
	}
	if len(unique) > 0 {
		fmt.Fprintf(env.Out, "\n   different on each node: %s\n", strings.Join(unique, ", "))
	}
}

// summary names the values with the most nodes.
func (s spread) summary(nodes int) string {
	values := cli.SortedKeys(s.Values)
	slices.SortStableFunc(values, func(a, b string) int { return cmp.Compare(s.Values[b], s.Values[a]) })
	parts := make([]string, 0, len(values))
	have := 0
	for _, v := range values {
		have += s.Values[v]
		parts = append(parts, fmt.Sprintf("%s %d", safetext.CleanLine(v), s.Values[v]))
	}
	if have < nodes {
		parts = append(parts, fmt.Sprintf("none %d", nodes-have))
	}
	return strings.Join(parts, ", ")
}
