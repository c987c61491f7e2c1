package filter

import "context"

// A Node is what a filter asks of the machine that it may or may not match.
type Node interface {
	// Identity is the node's name in the collective.
	Identity() string
	// Agents lists the names of the agents that the node carries.
	Agents() []string
	// Classes lists the configuration management classes of the node.
	Classes() []string
	// Fact is the value of a top-level fact: string, []any or map[string]any of
	// the same, scalars always as text.
	Fact(name string) (any, bool)
	// Data runs a data plugin and returns its outputs. It is only called for
	// functions in compound filters, and may run code.
	Data(ctx context.Context, plugin, query string) (map[string]any, error)
}
