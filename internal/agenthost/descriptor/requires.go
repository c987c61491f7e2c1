package descriptor

import (
	"context"
	"errors"
	"fmt"
	"os"

	"mcollective/filter"
	"mcollective/internal/run"
)

// Requirements list what an agent needs of its machine.
type Requirements struct {
	Commands []string
	Files    []string
	Facts    []filter.Fact
}

// Check returns what is missing, or nil. The facts are those of the node.
func (r *Requirements) Check(facts func() map[string]any) error {
	for _, name := range r.Commands {
		if _, err := run.Look(name); err != nil {
			return fmt.Errorf("it requires the command %s: %w", name, err)
		}
	}
	for _, path := range r.Files {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("it requires the file %s, which is not there", path)
		}
	}
	if len(r.Facts) == 0 {
		return nil
	}
	var known factsNode
	if facts != nil {
		known = facts()
	}
	for _, fact := range r.Facts {
		f := filter.Filter{Facts: []filter.Fact{fact}}
		if ok, err := f.MatchPlain(known, filter.Rules{}); err != nil || !ok {
			return fmt.Errorf("it requires the fact %s", fact)
		}
	}
	return nil
}

// factsNode is a node of which nothing is known but facts.
type factsNode map[string]any

func (n factsNode) Identity() string  { return "" }
func (n factsNode) Agents() []string  { return nil }
func (n factsNode) Classes() []string { return nil }
func (n factsNode) Fact(name string) (any, bool) {
	v, ok := n[name]
	return v, ok
}
func (n factsNode) Data(context.Context, string, string) (map[string]any, error) {
	return nil, errors.New("no data plugins")
}
