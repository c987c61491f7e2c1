package why

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"mcollective/filter"
	"mcollective/internal/cli"
	"mcollective/internal/clientfiles"
	"mcollective/internal/safetext"
	"mcollective/internal/suggest"
)

// A verdict is what the nodes say to one clause.
type verdict struct {
	clause  clause
	pass    map[string]bool
	unknown map[string]bool // of whom it is not known, and who are not among those that pass
}

// An explanation says which clause excludes whom.
type explanation struct {
	env      *cli.Env
	target   string
	nodes    *nodeSet
	verdicts []verdict
}

// matching returns the nodes that pass all verdicts but one; -1 leaves none out.
func (x *explanation) matching(except int) []string {
	var names []string
	for _, m := range x.nodes.members {
		ok := true
		for i, v := range x.verdicts {
			ok = ok && (i == except || v.pass[m.identity])
		}
		if ok {
			names = append(names, m.identity)
		}
	}
	return names
}

// open returns the nodes that may match all of it or not: nothing that is known excludes
// them, and not all is known.
func (x *explanation) open() []string {
	var names []string
	for _, m := range x.nodes.members {
		excluded, unknown := false, false
		for _, v := range x.verdicts {
			unknown = unknown || v.unknown[m.identity]
			excluded = excluded || !v.pass[m.identity] && !v.unknown[m.identity]
		}
		if unknown && !excluded {
			names = append(names, m.identity)
		}
	}
	return names
}

// exitStatus is not 0 if it is not known of all nodes whether they match.
func (x *explanation) exitStatus() error {
	switch len(x.open()) {
	case 0:
		return nil
	case len(x.nodes.members):
		return cli.Exit(cli.ExitFailed)
	}
	return cli.Exit(cli.ExitSomeFailed)
}

func (x *explanation) print() {
	w, total := x.env.Out, len(x.nodes.members)
	fmt.Fprintf(w, "%s of the collective %s answered.\n", cli.Plural(total, "node"), x.target)
	var silent []string
	for _, m := range x.nodes.members {
		if !m.known {
			silent = append(silent, m.identity)
		}
	}
	if len(silent) > 0 {
		fmt.Fprintf(w, "%s did not say what facts, classes and agents they have: %s\n", cli.Plural(len(silent), "node"), shortList(silent))
	}
	if len(x.verdicts) == 0 {
		fmt.Fprintln(w, "There is no filter, so that each of them is found.")
		return
	}
	fmt.Fprintln(w)
	if len(x.open()) == total {
		fmt.Fprintln(w, "No node said enough to know whether it matches.")
		return
	}
	column := 0
	for _, v := range x.verdicts {
		column = max(column, len(v.clause.String()))
		for _, t := range v.clause.inner {
			column = max(column, len(t.String())+2)
		}
	}
	column = min(column, 50)
	for _, v := range x.verdicts {
		x.line(column, "", v)
		for _, t := range v.clause.inner {
			x.line(column-2, "  ", x.nodes.judge(t))
		}
	}
	x.conclude()
}

// line shows how many nodes match a clause and, if none does, what is near.
func (x *explanation) line(column int, margin string, v verdict) {
	total := len(x.nodes.members)
	verb := "match"
	if len(v.pass) == 1 {
		verb = "matches"
	}
	if len(v.unknown) > 0 {
		verb = fmt.Sprintf("%s, %d unknown", verb, len(v.unknown))
	}
	fmt.Fprintf(x.env.Out, "   %s%-*s  %d of %d %s\n", margin, column, safetext.Clean(v.clause.String()), len(v.pass), total, verb)
	if len(v.pass) == total {
		return
	}
	for _, hint := range x.hints(v) {
		fmt.Fprintf(x.env.Out, "   %s%-*s    %s\n", margin, column, "", safetext.CleanLine(hint))
	}
}

// conclude says what all clauses together come to, and which one decides.
func (x *explanation) conclude() {
	w := x.env.Out
	all, open := x.matching(-1), x.open()
	switch {
	case len(all) > 0:
		fmt.Fprintf(w, "\nAll of it: %s, %s.\n", cli.Plural(len(all), "node"), shortList(all))
	case len(open) > 0:
		fmt.Fprint(w, "\nAll of it: no node that is known to match.\n")
	default:
		fmt.Fprint(w, "\nAll of it: no node.\n")
	}
	if len(open) > 0 {
		fmt.Fprintf(w, "Not known of %s: %s.\n", cli.Plural(len(open), "node"), shortList(open))
	}
	if len(all) > 0 || len(x.verdicts) < 2 {
		return
	}
	decided := false
	for i, v := range x.verdicts {
		if rest := x.matching(i); len(rest) > 0 {
			decided = true
			fmt.Fprintf(w, "Without %s: %s, %s.\n", safetext.Clean(v.clause.String()), cli.Plural(len(rest), "node"), shortList(rest))
		}
	}
	if !decided && len(open) == 0 {
		fmt.Fprintln(w, "Leaving out any one part does not help: no node comes that near.")
	}
}

// hints returns what comes near to a clause that does not match everywhere.
func (x *explanation) hints(v verdict) []string {
	kind, name, fact := v.clause.subject()
	if kind == "agent" {
		return x.agentHints(name, v)
	}
	if len(v.pass) > 0 {
		return nil
	}
	if c := v.clause.filter.Compound; len(c) == 1 && len(c[0]) == 1 && c[0][0].Kind == filter.Call {
		return x.functionHints(c[0][0].Call, v.nobody())
	}
	if len(v.unknown) == len(x.nodes.members) {
		return nil
	}
	switch kind {
	case "fact":
		return x.factHints(fact, v.nobody())
	case "class":
		return nearHint(v.nobody(), "class", name, x.count(func(m *member) []string { return m.classes }))
	case "identity":
		return nearHint(v.nobody(), "node", name, x.count(func(m *member) []string { return []string{m.identity} }))
	}
	return nil
}

func (x *explanation) count(names func(*member) []string) map[string]int {
	counts := make(map[string]int)
	for _, m := range x.nodes.members {
		for _, n := range names(m) {
			counts[n]++
		}
	}
	return counts
}

// nobody is what is said of the nodes where none that is known has something.
func (v verdict) nobody() string {
	if len(v.unknown) > 0 {
		return "no other node"
	}
	return "no node"
}

func nearHint(nobody, what, name string, have map[string]int) []string {
	if near := suggest.Nearest(strings.Trim(name, "/^$"), cli.SortedKeys(have)); near != "" {
		return []string{fmt.Sprintf("%s has it; did you mean the %s '%s' (%s)?", nobody, what, near, cli.Plural(have[near], "node"))}
	}
	return nil
}

// agentHints says why nodes do not have an agent.
func (x *explanation) agentHints(name string, v verdict) []string {
	reasons := make(map[string][]string)
	for _, m := range x.nodes.members {
		if v.pass[m.identity] {
			continue
		}
		if why, there := m.inactive[name]; there {
			reasons[why] = append(reasons[why], m.identity)
		}
	}
	var hints []string
	for _, why := range cli.SortedKeys(reasons) {
		hints = append(hints, fmt.Sprintf("inactive on %s: %s (%s)", cli.Plural(len(reasons[why]), "node"), why, shortList(reasons[why])))
	}
	if len(hints) == 0 && len(v.pass) == 0 {
		return nearHint(v.nobody(), "agent", name, x.count(func(m *member) []string { return m.agents }))
	}
	return hints
}

// factHints says which values a fact has that come near to the one asked for, or
// which fact comes near if there is none of the name.
func (x *explanation) factHints(t filter.Fact, nobody string) []string {
	values := make(map[string]int)
	names := make(map[string]int)
	for _, m := range x.nodes.members {
		flatValues(m.facts, "", func(name, _ string) { names[name]++ })
		v, ok := filter.Lookup(m, t.Name)
		if !ok {
			continue
		}
		switch v := v.(type) {
		case string:
			values[v]++
		case map[string]any:
			for k := range v {
				values[k]++
			}
		case []any:
			for _, item := range v {
				values[fmt.Sprint(item)]++
			}
		}
	}
	if len(values) == 0 {
		if near := suggest.Nearest(t.Name, cli.SortedKeys(names)); near != "" {
			return []string{fmt.Sprintf("%s has a fact '%s'; did you mean '%s' (%s)?", nobody, t.Name, near, cli.Plural(names[near], "node"))}
		}
		return []string{fmt.Sprintf("%s has a fact '%s'", nobody, t.Name)}
	}
	return []string{nearestHint(t, values)}
}

// nearestHint names the values that are nearest to the one of a comparison.
func nearestHint(t filter.Fact, values map[string]int) string {
	list := nearValues(t, values)
	parts := make([]string, 0, 4)
	for _, v := range list[:min(len(list), 4)] {
		parts = append(parts, fmt.Sprintf("%s (%s)", v, cli.Plural(values[v], "node")))
	}
	more := ""
	if len(list) > len(parts) {
		more = fmt.Sprintf(" and %d others", len(list)-len(parts))
	}
	return "nearest: " + strings.Join(parts, ", ") + more
}

// nearValues orders values by how near they are to the one of a comparison:
// numbers by their difference, others by the letters to change.
func nearValues(t filter.Fact, values map[string]int) []string {
	wanted := strings.Trim(t.Value, "/^$")
	number, err := strconv.ParseFloat(wanted, 64)
	numeric := err == nil
	far := func(v string) float64 {
		if f, err := strconv.ParseFloat(v, 64); numeric {
			if err != nil {
				return math.MaxFloat64
			}
			return math.Abs(f - number)
		}
		if len(v) > clientfiles.LongestName {
			return math.MaxFloat64
		}
		d := float64(suggest.Distance(wanted, v))
		if strings.Contains(strings.ToLower(v), strings.ToLower(wanted)) {
			d /= 2
		}
		return d
	}
	list := cli.SortedKeys(values)
	slices.SortStableFunc(list, func(a, b string) int {
		return cmp.Or(cmp.Compare(far(a), far(b)), cmp.Compare(values[b], values[a]))
	})
	return list
}

// JSON prints the same as a list of objects.
func (x *explanation) JSON() error {
	type part struct {
		Filter   string   `json:"filter"`
		Matches  int      `json:"matches"`
		Excludes int      `json:"excludes"`
		Without  []string `json:"matching_without"`
		Unknown  []string `json:"unknown,omitempty"`
		Hints    []string `json:"hints,omitempty"`
	}
	list := make([]part, len(x.verdicts))
	for i, v := range x.verdicts {
		list[i] = part{Filter: v.clause.String(), Matches: len(v.pass), Excludes: len(x.nodes.members) - len(v.pass) - len(v.unknown),
			Without: append([]string{}, x.matching(i)...), Unknown: cli.SortedKeys(v.unknown), Hints: x.hints(v)}
	}
	return cli.WriteJSON(x.env, list)
}
