// Package render shows what nodes answered: Ruby MCollective's text, folded text for people, tables, JSON, YAML and CSV.
package render

import (
	"errors"
	"io"
	"time"

	"mcollective/client"
	"mcollective/ddl"
)

// A Format is how results are written.
type Format string

// The formats.
const (
	Auto    Format = ""        // Folded on a terminal, Classic elsewhere
	Classic Format = "classic" // as Ruby prints them, node by node
	Folded  Format = "folded"  // nodes with the same answer together
	Table   Format = "table"
	Wide    Format = "wide"  // Table with all that is known
	JSON    Format = "json"  // one array, exactly as Ruby's -j
	JSONL   Format = "jsonl" // one object a line, as answers arrive
	YAML    Format = "yaml"
	CSV     Format = "csv"
	Name    Format = "name" // identities, one a line
)

// Options say how and where results are shown.
type Options struct {
	Out io.Writer // results
	Err io.Writer // what is said about them: discovery, warnings

	Terminal bool // Out is a terminal: progress, cleaned text
	Color    bool
	Width    int // columns; 0 means 80

	Format   Format
	Fields   []string // outputs that are shown; nil means all
	JQ       string   // a jq program that each result goes through; "" means none
	Display  string   // ok, all or failed; "" means what the action says
	Verbose  bool
	Sort     bool // by sender, once all are there
	Progress bool // a bar while answers are awaited

	Now func() time.Time
}

// Stats are what the statistics at the end tell besides the Account.
type Stats struct {
	Discovered    int
	DiscoveryTime time.Duration
}

// Results shows the answers of one Run.
type Results struct{}

// New makes the display of an action's answers. action may be nil if nothing is
// declared. The error is about the options.
func New(o Options, agent, actionName string, action *ddl.Action) (*Results, error) {
	return nil, errors.New("not yet")
}

// Expect tells how many nodes will answer, for the progress bar.
func (r *Results) Expect(nodes int) {}

// Add shows an answer, or keeps it until it can be shown.
func (r *Results) Add(a client.Answer) {}

// Flush is for Run.Idle.
func (r *Results) Flush() {}

// Close shows what is left: results that had to wait, summaries, the account.
func (r *Results) Close(a *client.Account, s Stats) error { return nil }
