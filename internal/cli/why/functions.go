package why

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"mcollective/client"
	"mcollective/filter"
	"mcollective/internal/cli"
	"mcollective/internal/cli/collective"
	"mcollective/internal/operation"
	"mcollective/internal/render"
	"mcollective/internal/suggest"
	"mcollective/value"
)

// functionData is what a data function returned on a node.
type functionData struct {
	outputs map[string]any // as filters compare them
	err     error          // why there are none
	denied  bool           // so that err is not what the node itself comes to
}

// functionKey tells calls of data functions apart by what nodes are asked.
func functionKey(name, query string) string { return name + "\x00" + query }

// queryOf is the query of a call as nodes read it.
func queryOf(f *filter.Function) string {
	if f.Params == nil {
		return ""
	}
	return fmt.Sprint(f.Params)
}

// askFunctions asks the nodes what the data functions of a filter return there.
func (s *nodeSet) askFunctions(ctx context.Context, i *collective.Invocation, names []string, f filter.Filter) error {
	asked := make(map[string]bool)
	for _, c := range f.Compound {
		for _, t := range c {
			if t.Kind != filter.Call {
				continue
			}
			query := queryOf(t.Call)
			key := functionKey(t.Call.Name, query)
			if asked[key] {
				continue
			}
			asked[key] = true
			inputs := value.NewMap("source", t.Call.Name)
			if t.Call.Params != nil {
				inputs.Set("query", query)
			}
			call := operation.Call{Agent: utilAgent, Action: "get_data", Inputs: inputs, Time: functionTime}
			if _, err := i.Run(ctx, i.Found(names), call, func(a client.Answer) {
				if m := s.byName[a.Sender]; m != nil {
					m.data[key] = readFunction(a)
				}
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// readFunction reads the answer of a node to get_data.
func readFunction(a client.Answer) functionData {
	if err := a.Failure(); err != nil {
		return functionData{err: err, denied: a.Outcome != client.Failed || a.Err != nil}
	}
	d := functionData{outputs: make(map[string]any, a.RPC.Data.Len())}
	for k, v := range a.RPC.Data.All() {
		d.outputs[render.Text(k)] = value.ForJSON(v)
	}
	return d
}

// Data implements filter.Node with what the node said before.
func (m *member) Data(_ context.Context, plugin, query string) (map[string]any, error) {
	d, ok := m.data[functionKey(plugin, query)]
	if !ok {
		return nil, errors.New("the node did not say what it returns")
	}
	return d.outputs, d.err
}

// told reports whether the node has said what a comparison with a data function comes to
// there, a failure of the function included.
func (m *member) told(f *filter.Function) bool {
	d, ok := m.data[functionKey(f.Name, queryOf(f))]
	return ok && !d.denied
}

// functionHints says what nodes return where none of them matches a comparison.
func (x *explanation) functionHints(f *filter.Function, nobody string) []string {
	values, names, problems := make(map[string]int), make(map[string]int), make(map[string][]string)
	for _, m := range x.nodes.members {
		returned, err := m.Data(context.Background(), f.Name, queryOf(f))
		if err != nil {
			problems[err.Error()] = append(problems[err.Error()], m.identity)
			continue
		}
		for name := range returned {
			names[name]++
		}
		if v, ok := returned[f.Output]; ok {
			values[render.Text(v)]++
		}
	}
	var hints []string
	for _, why := range cli.SortedKeys(problems) {
		hints = append(hints, fmt.Sprintf("fails on %s: %s (%s)", cli.Plural(len(problems[why]), "node"), why, shortList(problems[why])))
	}
	near := suggest.Nearest(f.Output, cli.SortedKeys(names))
	switch {
	case len(names) == 0:
	case len(values) > 0:
		hints = append(hints, nearestHint(filter.Fact{Name: f.Output, Operator: f.Operator, Value: f.Compare.Text}, values))
	case near != "":
		hints = append(hints, fmt.Sprintf("%s returns an output '%s'; did you mean '%s'?", nobody, f.Output, near))
	default:
		hints = append(hints, fmt.Sprintf("%s returns an output '%s'; there are %s", nobody, f.Output, strings.Join(cli.SortedKeys(names), ", ")))
	}
	return hints
}

// utilAgent is the agent that every node has.
const utilAgent = "rpcutil"

// functionTime is how long a data function may take a node, and the answer to come.
const functionTime = 10 * operation.FunctionTime
