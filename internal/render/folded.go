package render

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"mcollective/client"
	"mcollective/internal/safetext"
	"mcollective/rpc"
)

// folded shows each answer once, under the nodes that gave it.
type folded struct {
	r      *Results
	groups map[[sha256.Size]byte]*answers
}

// answers are equal answers of several nodes.
type answers struct {
	reply *rpc.Reply
	nodes []string
}

func (f *folded) add(sender string, reply *rpc.Reply) {
	key := appendQuoted(fmt.Appendf(nil, "%d", reply.Status), reply.Message, true)
	if reply.Status == rpc.OK {
		key = appendInspect(key, f.r.data(reply)) // the data of a failure is not shown
	}
	if f.groups == nil {
		f.groups = map[[sha256.Size]byte]*answers{}
	}
	id := sha256.Sum256(key)
	if g := f.groups[id]; g != nil {
		g.nodes = append(g.nodes, sender)
		return
	}
	f.groups[id] = &answers{reply, []string{sender}}
}

func (f *folded) close(a *client.Account, s Stats) {
	r := f.r
	if a == nil {
		return
	}
	groups := make([]*answers, 0, len(f.groups))
	for _, g := range f.groups {
		slices.Sort(g.nodes)
		groups = append(groups, g)
	}
	// Successes first, so that failures are what is left in sight.
	slices.SortFunc(groups, func(a, b *answers) int {
		return cmp.Or(cmp.Compare(min(a.reply.Status, 1), min(b.reply.Status, 1)), cmp.Compare(len(b.nodes), len(a.nodes)), cmp.Compare(a.nodes[0], b.nodes[0]))
	})
	for _, g := range groups {
		f.group(g)
	}
	r.out.WriteString(r.summaryText())
	f.account(a, s)
}

func (f *folded) group(g *answers) {
	r := f.r
	head := ""
	if n := len(g.nodes); n > 1 {
		head = fmt.Sprintf("%d nodes: ", n)
	}
	names := r.nodes(g.nodes, utf8.RuneCountInString(head))
	if head == "" {
		names = r.o.paint(bold, names)
	} else {
		head = r.o.paint(bold, head)
	}
	r.out.WriteString(head + names)
	if word := r.status(g.reply.Status); word != "" {
		r.out.WriteString("   " + word)
	} else if g.reply.Status != rpc.OK {
		fmt.Fprintf(r.out, "   %s", r.o.paint(red, fmt.Sprintf("Status %d", g.reply.Status)))
	}
	r.out.WriteString("\n")
	if g.reply.Message != "OK" {
		fmt.Fprintf(r.out, "   %s\n", r.o.paint(yellow, strings.ReplaceAll(r.lines(strings.TrimRight(g.reply.Message, "\n")), "\n", "\n   ")))
	}
	if g.reply.Status == rpc.OK {
		r.body(r.out, r.data(g.reply))
	}
	r.out.WriteString("\n")
}

// account says how many nodes did what, and names those that did not answer.
func (f *folded) account(a *client.Account, s Stats) {
	r := f.r
	if r.hidden > 0 {
		fmt.Fprintf(r.out, "%s not shown here; --display all shows %s\n", count(r.hidden, "answer"), them(r.hidden))
	}
	became := a.Count
	if len(a.Outcomes) == 0 {
		became = map[client.Outcome]int{client.OK: r.ok, client.Failed: r.failed}
	}
	var parts []string
	for _, o := range outcomes() {
		color := red
		if o == client.OK {
			color = green
		}
		if n := became[o]; n > 0 {
			parts = append(parts, r.o.paint(color, fmt.Sprintf("%d %s", n, outcome(o))))
		}
	}
	line := count(s.Discovered, "node") + " in " + seconds(a.Total)
	if len(parts) > 0 {
		line += ": " + strings.Join(parts, ", ")
	}
	if a.Interrupted {
		line += ", interrupted"
	}
	r.out.WriteString(line + "\n")
	r.absent(r.out, a)
	if r.o.Verbose {
		fmt.Fprintf(r.out, "request %s, discovery %s, published in %s\n", safetext.CleanLine(a.RequestID), seconds(s.DiscoveryTime), seconds(a.Publish))
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func them(n int) string {
	if n == 1 {
		return "it"
	}
	return "them"
}
