// Package render shows what nodes answered: Ruby MCollective's text, folded text for people, tables, JSON, YAML and CSV.
//
// A command makes one [Results] for a run of an action, tells it how many nodes
// are asked, and hands it each answer as it arrives:
//
//	results, err := render.New(options, "rpcutil", "ping", action)
//	results.Expect(len(nodes))
//	run.Idle = results.Flush
//	account, err := c.Run(ctx, run, results.Add)
//	err = results.Close(account, render.Stats{Discovered: len(nodes)})
//
// Classic, and JSON where it is not for a terminal, are byte for byte what Ruby
// prints but for such characters; [Text], [Inspect] and [Pretty] are Ruby's to_s, inspect and pp. The
// formats of programs (json, jsonl, csv, name, yaml) keep nothing of an answer
// once it is shown; neither does Classic without a progress display. Folded
// keeps one answer of each kind and the names of the nodes.
//
// What came from nodes is cleaned of what a terminal would obey, wherever the output
// goes: a pipe to tee or grep ends on a terminal, too. JSON and YAML escape it, so that
// it is the same value. With [Options].Raw it is written as it came.
package render

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"mcollective/client"
	"mcollective/ddl"
	"mcollective/internal/safetext"
	"mcollective/rpc"
	"mcollective/value"
)

// A Format is how results are written.
type Format string

// The formats.
const (
	Auto    Format = ""        // Folded on a terminal, Classic elsewhere; JSONL with a JQ program
	Classic Format = "classic" // as Ruby prints them, node by node
	Folded  Format = "folded"  // nodes with the same answer together
	Table   Format = "table"
	Wide    Format = "wide"  // Table with all that is known
	JSON    Format = "json"  // one array, exactly as Ruby's -j
	JSONL   Format = "jsonl" // one object a line, as answers arrive
	YAML    Format = "yaml"  // one list
	CSV     Format = "csv"   // quoted as RFC 4180 says, under a line of names
	Name    Format = "name"  // identities, one a line
)

// Options say how and where results are shown.
type Options struct {
	Out io.Writer // results
	Err io.Writer // what is said about them, where Out is for a program

	Terminal    bool // Out is a terminal: progress, text in its width
	ErrTerminal bool // Err is a terminal: progress goes there if Out is none
	Color       bool
	Width       int // columns; 0 means 80

	Format   Format
	Fields   []string // outputs that are shown, in this order where the format has one; nil means all
	JQ       string   // a jq program that each result goes through; "" means none
	Display  string   // ok, all or failed; "" means what the action says, or all in the formats for programs
	Verbose  bool
	Sort     bool // by sender, once all are there
	Raw      bool // write what came from nodes as it is
	Batch    bool // the request goes out in batches, which Ruby's text tells from others by one empty line
	Progress bool // a bar while answers are awaited

	Now func() time.Time // nil means time.Now
}

// Stats are shown in the statistics at the end, beside the Account.
type Stats struct {
	Discovered    int // 0 means as many as the Account is of
	DiscoveryTime time.Duration
}

// Results shows the answers of one Run. It is for one goroutine.
type Results struct {
	o         Options
	agent     string
	action    string
	def       *ddl.Action
	out       *output
	view      view
	summaries []*summary
	bar       *bar
	kept      []client.Answer // with Sort
	ok        int             // answers with status 0
	failed    int             // all others that could be understood
	hidden    int             // answers that the display mode leaves out
}

// A view is one format at work.
type view interface {
	add(sender string, reply *rpc.Reply)
	// close ends the output. The account is nil if nobody was asked.
	close(a *client.Account, s Stats)
}

// New makes the display of an action's answers. action may be nil if nothing is
// declared. The error is about the options.
func New(o Options, agent, actionName string, action *ddl.Action) (*Results, error) {
	if o.Width <= 0 {
		o.Width = 80
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Format == Auto {
		switch {
		case o.JQ != "":
			o.Format = JSONL
		case o.Terminal:
			o.Format = Folded
		default:
			o.Format = Classic
		}
	}
	if err := checkFields(o.Fields, action); err != nil {
		return nil, err
	}
	r := &Results{o: o, agent: agent, action: actionName, def: action, out: newOutput(o.Out)}
	if action != nil && (o.Format == Classic || o.Format == Folded) {
		r.summaries = newSummaries(action)
	}
	if err := r.choose(); err != nil {
		return nil, err
	}
	if o.Progress && o.Format != Classic {
		r.bar = newBar(o)
		if o.Terminal {
			r.out.before = r.bar.hide
		}
	}
	return r, nil
}

// choose makes the view of the format.
func (r *Results) choose() error {
	program, err := compileJQ(r.o.JQ)
	if err != nil {
		return err
	}
	if program != nil && r.o.Format != JSON && r.o.Format != JSONL {
		return fmt.Errorf("a jq program makes JSON, which --output %s cannot show: leave --output away, or use jsonl", r.o.Format)
	}
	switch r.o.Format {
	case Classic:
		r.view = newClassic(r)
	case Folded:
		r.view = &folded{r: r}
	case Table, Wide:
		r.view = &table{r: r, wide: r.o.Format == Wide}
	case JSON, JSONL:
		if program != nil {
			r.view = &jqLines{r: r, program: program}
		} else {
			r.view = &jsonView{r: r, lines: r.o.Format == JSONL}
		}
	case YAML:
		r.view = &yamlView{r: r}
	case CSV:
		r.view = newCSV(r)
	case Name:
		r.view = &names{r}
	default:
		return fmt.Errorf("unknown output format %q; there are classic, folded, table, wide, json, jsonl, yaml, csv and name", r.o.Format)
	}
	return nil
}

// checkFields refuses fields that the action does not have.
func checkFields(fields []string, action *ddl.Action) error {
	if action == nil || len(action.Outputs) == 0 {
		return nil
	}
	for _, f := range fields {
		if action.Output(f) == nil {
			known := make([]string, len(action.Outputs))
			for i, o := range action.Outputs {
				known[i] = o.Name
			}
			return fmt.Errorf("the action %s has no output %q; it has %s", action.Name, f, strings.Join(known, ", "))
		}
	}
	return nil
}

// Expect tells how many nodes will answer, for the progress display.
func (r *Results) Expect(nodes int) {
	if c, ok := r.view.(*classic); ok {
		c.expect(nodes)
	}
	if r.bar != nil {
		r.bar.total = nodes
		r.bar.draw(0, 0)
	}
}

// Add shows an answer, or keeps it until it can be shown.
func (r *Results) Add(a client.Answer) {
	if c, ok := r.view.(*classic); ok {
		c.tick()
	}
	if r.o.Sort {
		r.kept = append(r.kept, a)
	} else {
		r.show(a)
	}
	if r.bar != nil {
		failed := 0
		if a.Outcome != client.OK {
			failed = 1
		}
		r.bar.draw(1, failed)
	}
}

// show gives an answer to the summaries and the view.
func (r *Results) show(a client.Answer) {
	if a.Err != nil || a.RPC == nil {
		r.complain(fmt.Sprintf("%s: the answer cannot be shown: %v", safetext.CleanLine(a.Sender), a.Err))
		return
	}
	for _, s := range r.summaries {
		s.add(a.RPC)
	}
	if a.RPC.Status == rpc.OK {
		r.ok++
	} else {
		r.failed++
	}
	if !r.shown(a.RPC.Status) {
		r.hidden++
		return
	}
	r.view.add(a.Sender, a.RPC)
}

// complain says what goes wrong besides the results.
func (r *Results) complain(what string) {
	if r.o.Err == nil {
		return
	}
	if r.bar != nil {
		r.bar.hide()
	}
	fmt.Fprintln(r.o.Err, safetext.Clean(what))
}

// shown reports whether the display mode shows answers of that status.
func (r *Results) shown(status rpc.Status) bool {
	mode := r.o.Display
	switch {
	case r.o.Format == JSON && r.o.JQ == "", r.o.Format == Classic && r.o.Verbose:
		return true // as in Ruby, whatever the mode
	case mode == "" && r.def != nil && (r.o.Format == Classic || r.o.Format == Folded):
		mode = cmp.Or(string(r.def.Display), string(ddl.DisplayFailed))
	}
	switch mode {
	case "ok":
		return status == rpc.OK
	case "failed":
		return status != rpc.OK
	}
	return true
}

// Flush writes out what is buffered and redraws the progress bar. It is for
// Run.Idle.
func (r *Results) Flush() {
	if c, ok := r.view.(*classic); !ok || !c.holds {
		r.out.flush()
	}
	if r.bar != nil {
		r.bar.draw(0, 0)
	}
}

// Close shows what is left: results that had to wait, summaries, the account.
// The account is nil if nobody was asked; then the formats for programs write
// that there are no results. The error is the first that Out gave.
func (r *Results) Close(a *client.Account, s Stats) error {
	slices.SortStableFunc(r.kept, func(a, b client.Answer) int { return strings.Compare(a.Sender, b.Sender) })
	for _, k := range r.kept {
		r.show(k)
	}
	r.kept = nil
	if s.Discovered == 0 && a != nil {
		s.Discovered = len(a.Outcomes)
	}
	if r.bar != nil {
		r.bar.hide()
		r.bar.done = true
	}
	r.view.close(a, s)
	if _, human := r.view.(*folded); !human && a != nil && r.o.Format != Classic && r.o.Err != nil {
		r.out.flush()
		said := *r
		said.o.Terminal, said.o.Color = r.o.ErrTerminal, r.o.Color && r.o.ErrTerminal
		said.absent(r.o.Err, a)
	}
	return r.out.flush()
}

// data returns what is shown of a reply's data.
func (r *Results) data(reply *rpc.Reply) *value.Map {
	if r.o.Fields == nil {
		return reply.Data
	}
	h := value.NewMap()
	for _, f := range r.o.Fields {
		if v, ok := reply.Output(f); ok {
			h.Pairs = append(h.Pairs, value.Pair{Key: value.Symbol(f), Value: v})
		}
	}
	return h
}

// label returns what people call an output.
func (r *Results) label(name string) string {
	if r.def != nil {
		if o := r.def.Output(name); o != nil && o.DisplayAs != "" {
			return o.DisplayAs
		}
	}
	return name
}

// line is text from a node that is to stay on its line.
func (r *Results) line(s string) string {
	if r.o.Raw {
		return s
	}
	return safetext.CleanLine(s)
}

// lines is text from a node that may have lines.
func (r *Results) lines(s string) string {
	if r.o.Raw {
		return s
	}
	return safetext.Clean(s)
}
