package render

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"mcollective/client"
	"mcollective/ddl"
	"mcollective/rpc"
	"mcollective/value"
)

// classic is the text of Ruby's client.
type classic struct {
	r       *Results
	out     io.Writer // where results go: held, or the output
	held    bytes.Buffer
	holds   bool // results follow the progress display, so they have to wait
	begun   bool
	spinner *spinner
}

func newClassic(r *Results) *classic {
	c := &classic{r: r, out: r.out}
	if r.o.Progress {
		c.holds, c.out, c.spinner = true, &c.held, newSpinner(&r.o, r.out)
	}
	return c
}

func (c *classic) expect(nodes int) {
	if c.holds && nodes > 0 {
		c.spinner.start(nodes)
	}
}

func (c *classic) tick() {
	if c.holds {
		c.spinner.tick()
	}
}

func (c *classic) begin() {
	if !c.begun {
		c.begun = true
		io.WriteString(c.out, "\n")
	}
}

func (c *classic) add(sender string, reply *rpc.Reply) {
	c.begin()
	switch r := c.r; {
	case r.o.Verbose:
		c.verbose(sender, reply)
	case r.o.Display == "" && r.def != nil && r.def.Display == ddl.DisplayFlatten && reply.Status <= rpc.Aborted:
		io.WriteString(c.out, r.lines(Pretty(r.data(reply)))+"\n")
	default:
		fmt.Fprintf(c.out, "%-40s %s\n", r.line(sender), r.status(reply.Status))
		if reply.Message != "OK" {
			fmt.Fprintf(c.out, "   %s\n", r.o.paint(yellow, r.lines(reply.Message)))
		}
		if reply.Status == rpc.OK {
			r.body(c.out, r.data(reply))
		}
		io.WriteString(c.out, "\n")
	}
}

// verbose is the form of older releases: the data on one line, its own lines
// joined by four blanks.
func (c *classic) verbose(sender string, reply *rpc.Reply) {
	fmt.Fprintf(c.out, "%-40s: %s\n", c.r.line(sender), c.r.lines(reply.Message))
	switch reply.Status {
	case rpc.OK, rpc.Aborted:
		for l := range strings.SplitSeq(Pretty(c.r.data(reply)), "\n") {
			io.WriteString(c.out, "    "+c.r.line(l))
		}
		io.WriteString(c.out, "\n\n")
	case rpc.UnknownAction, rpc.MissingData, rpc.InvalidData:
	default:
		io.WriteString(c.out, "    "+c.r.lines(reply.Message))
	}
}

func (c *classic) close(a *client.Account, s Stats) {
	c.begin()
	io.WriteString(c.out, "\n")
	if c.holds {
		end := "\n\n"
		if c.r.o.Batch {
			end = "\n"
		}
		c.spinner.finish()
		c.r.out.WriteString(end)
		c.r.out.Write(c.held.Bytes())
	}
	if a != nil {
		c.r.report(c.r.agent+"#"+c.r.action+" call stats", a, s)
	}
}

// status returns the word for a status.
func (r *Results) status(s rpc.Status) string {
	switch s {
	case rpc.Aborted:
		return r.o.paint(red, "Request Aborted")
	case rpc.UnknownAction:
		return r.o.paint(yellow, "Unknown Action")
	case rpc.MissingData:
		return r.o.paint(yellow, "Missing Request Data")
	case rpc.InvalidData:
		return r.o.paint(yellow, "Invalid Request Data")
	case rpc.UnknownError:
		return r.o.paint(red, "Unknown Request Status")
	}
	return ""
}

// body writes outputs by name, their labels flush right.
func (r *Results) body(out io.Writer, data *value.Map) {
	pairs := slices.Clone(data.Pairs)
	slices.SortFunc(pairs, func(a, b value.Pair) int { return strings.Compare(Text(a.Key), Text(b.Key)) })
	labels, values := make([]string, len(pairs)), make([]string, len(pairs))
	longest, lines := 0, len(pairs)
	for i, p := range pairs {
		labels[i] = r.line(r.label(Text(p.Key)))
		longest = max(longest, utf8.RuneCountInString(labels[i]))
		if s, ok := plainText(p.Value); ok {
			values[i] = strings.TrimRight(r.lines(s), "\n")
		} else {
			values[i] = r.lines(Pretty(p.Value))
		}
		lines += strings.Count(values[i], "\n")
	}
	longest = aligned(longest, lines)
	margin := "\n" + blanks(longest+5)
	for i, label := range labels {
		io.WriteString(out, blanks(max(longest-utf8.RuneCountInString(label), 0)+3)+label+":")
		if values[i] != "" {
			io.WriteString(out, " "+strings.ReplaceAll(values[i], "\n", margin))
		}
		io.WriteString(out, "\n")
	}
}

// aligned returns how wide a column of labels is made, of which the longest has so
// many characters. Every line is filled up to it, so that a node could make much
// of little: columns of any width are for few lines only.
func aligned(longest, lines int) int {
	const always, filling = 64, 64 << 10
	return min(longest, max(always, filling/max(lines, 1)))
}

// plainText returns the text of a string that is shown without quotes: of Ruby's own
// class.
func plainText(v any) (string, bool) {
	if s, ok := v.(*value.String); ok && s != nil && s.Extra != nil && s.Extra.Class != "" {
		return "", false
	}
	return rpc.Text(v)
}
