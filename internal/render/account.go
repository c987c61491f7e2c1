package render

import (
	"fmt"
	"io"
	"unicode/utf8"

	"mcollective/client"
)

// outcomes returns all outcomes in the order in which they are told.
func outcomes() []client.Outcome {
	return []client.Outcome{
		client.OK, client.Failed, client.Denied, client.TimedOut, client.Expired, client.Unreachable, client.NotSent, client.Unknown,
	}
}

// outcome returns the word for an outcome.
func outcome(o client.Outcome) string {
	if o == client.Unknown {
		return "no answer"
	}
	return o.String()
}

// absent lists the nodes that did not answer, by cause, and the strangers.
func (r *Results) absent(out io.Writer, a *client.Account) {
	causes := map[client.Outcome][]string{}
	for _, n := range a.NoResponse {
		causes[a.Outcomes[n]] = append(causes[a.Outcomes[n]], n)
	}
	for _, o := range outcomes() {
		r.listNodes(out, red, outcome(o), causes[o])
	}
	r.listNodes(out, yellow, "answered unasked", a.Unexpected)
	r.listNodes(out, yellow, "answered more than once", a.Duplicates)
	if a.Undecodable > 0 {
		fmt.Fprintln(out, r.o.paint(yellow, fmt.Sprintf("%d answers could not be read, or did not prove who sent them", a.Undecodable)))
	}
}

// listNodes prints "what (3): a[1-3]".
func (r *Results) listNodes(out io.Writer, color, what string, nodes []string) {
	if len(nodes) == 0 {
		return
	}
	head := fmt.Sprintf("%s (%d): ", what, len(nodes))
	fmt.Fprintf(out, "%s%s\n", r.o.paint(color, head[:len(head)-1])+" ", r.nodes(nodes, utf8.RuneCountInString(head)))
}
