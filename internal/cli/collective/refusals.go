package collective

import (
	"fmt"
	"io"

	"mcollective/client"
	"mcollective/internal/cli"
	"mcollective/internal/safetext"
)

// Refusals are the nodes that answered a question, and not with success. What is known
// of such a node is nothing, which is another thing than that it has nothing.
type Refusals struct {
	What string // that failed: the agent and the action that were asked

	nodes map[string][]string // by what they say
	said  map[refusal]bool    // what the user has read before, and reads no more
}

// Add notes the answer of a node that is no success.
func (r *Refusals) Add(a *client.Answer) {
	is := refusal{a.Sender, a.Failure().Error()}
	if a.Duplicate || a.Unexpected || r.said[is] {
		return
	}
	if r.said != nil {
		r.said[is] = true
	}
	if r.nodes == nil {
		r.nodes = make(map[string][]string)
	}
	r.nodes[is.why] = append(r.nodes[is.why], is.node)
}

// A refusal is a node and what it says.
type refusal struct{ node, why string }

// Print names the nodes for each reason.
func (r *Refusals) Print(w io.Writer) {
	reasons := cli.SortedKeys(r.nodes)
	for _, why := range reasons[:min(len(reasons), MaxSilent)] {
		fmt.Fprintf(w, "%s failed on %s: %s\n", r.What, FirstNames(cli.Sorted(r.nodes[why]), MaxSilent), safetext.CleanLine(why))
	}
	if more := len(reasons) - MaxSilent; more > 0 {
		fmt.Fprintf(w, "%s failed on other nodes for %d other reasons\n", r.What, more)
	}
}
