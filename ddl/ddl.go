// Package ddl is what a plugin says of itself: the metadata, actions, inputs and outputs of agents, the query of data plugins, and the capabilities of discovery methods.
//
// Begin with [Parse]. A [Definition] comes from a YAML or JSON file, which is the
// native form, or from a Ruby .ddl (package rubyddl). Clients use it to turn text into inputs, to refuse
// a request before it is sent, and to show results; nodes to refuse a request before an
// action runs, and to give replies their defaults. Both judge in Ruby MCollective's
// order and with its texts. Package library finds definitions on this machine.
//
// What the package cannot read is an error, never a definition that allows more. Validate never judges an input that a definition does
// not name; Action.OtherInputs reports whether a client may send one.
package ddl

import (
	"time"

	"mcollective/rpc"
)

// A Kind is the sort of plugin that a Definition is about.
type Kind string

// The kinds of plugins.
const (
	Agent     Kind = "agent"
	Data      Kind = "data"
	Discovery Kind = "discovery"
	Validator Kind = "validator"
	Aggregate Kind = "aggregate"
	Connector Kind = "connector"
)

// A Definition is what one plugin says of itself. It does not change once it was
// made, and may be used by many goroutines.
type Definition struct {
	Kind     Kind
	Metadata rpc.Metadata // Agent is the name by which the plugin is called, whatever its kind
	Requires []Requirement
	Usage    string // free text for people

	Actions      []*Action // of an agent, in the order they were declared
	Query        *Action   // of a data plugin, called "data": its only input, if any, is "query"
	Capabilities []string  // of a discovery method: classes, facts, identity, agents, compound
}

// A Requirement is the lowest version that a plugin needs of the program that
// loads it: "mcollective", the only one that Ruby knows, or "choria".
type Requirement struct{ Name, Version string }

// A Display says which results are shown when the user does not say.
type Display string

// The ways to display results.
const (
	DisplayOK      Display = "ok"      // those with status 0
	DisplayFailed  Display = "failed"  // the others; the default
	DisplayAlways  Display = "always"  // all
	DisplayFlatten Display = "flatten" // all, the data only
)

// An Action is one thing that an agent does.
type Action struct {
	Name        string
	Description string
	Display     Display
	Inputs      []*Input      // in the order they were declared
	Outputs     []*Output     // in the order they were declared, which is that of a reply
	Summaries   []*Summary    // what clients make of the outputs of all nodes
	Timeout     time.Duration // of this action; 0 means that of the agent. Not in Ruby's language

	Destructive bool // it changes things: clients ask before they call it on many nodes. Not in Ruby's language
	Noop        bool // it understands the input "noop". Not in Ruby's language
	OtherInputs bool // it takes inputs that it does not declare, as every action of a .ddl may
}

// A Type is that of an input or output.
type Type string

// The types that Ruby knows. Any other name is that of a validator.
const (
	String  Type = "string"
	List    Type = "list"
	Boolean Type = "boolean"
	Integer Type = "integer"
	Float   Type = "float"
	Number  Type = "number"

	// These are ours, for agents in the native form; Ruby's side sees values of
	// these types and does not check them.
	Hash  Type = "hash"
	Array Type = "array"
	Any   Type = "any"
)

// An Input is one argument of an action.
type Input struct {
	Name        string
	Prompt      string
	Description string
	Type        Type
	Optional    bool
	Default     any // nil means none; a client fills it in for an input that is not optional
	Validation  Validation
	MaxLength   int   // characters of a string; 0 means no limit
	List        []any // what an input of type list may be
	Sensitive   bool  // its value is kept out of logs and audit. Not in Ruby's language
}

// A Validation is how a string is judged besides its length. At most one field is
// set; none means that any string will do.
type Validation struct {
	Regexp    string // as Ruby's to_s writes it, like "(?i-mx:^a)"; it may match anywhere in the text
	Validator string // a validator plugin, like "shellsafe"
	List      []any  // one of these
	Class     string // a class of Ruby: String, Numeric, Integer, Float, ...
}

// An Output is one result of an action.
type Output struct {
	Name        string
	Description string
	DisplayAs   string // the label, when shown to people
	Type        Type   // "" means anything
	Default     any    // what a reply holds until the action says otherwise
}

// A Summary is an aggregate over one output of all replies.
type Summary struct {
	Function string         // average, sum, summary, ...
	Output   string         // the output it is made of
	Format   string         // of Ruby's printf; "" means the function's own
	Options  map[string]any // further arguments of the function
}

// Values
//
// Defaults, and the members of lists, are nil, bool, int64, float64, string,
// value.Symbol, []any, or *value.Map.

// Action returns the action of that name, or nil.
func (d *Definition) Action(name string) *Action {
	for _, a := range d.Actions {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// Input returns the input of that name, or nil.
func (a *Action) Input(name string) *Input {
	for _, i := range a.Inputs {
		if i.Name == name {
			return i
		}
	}
	return nil
}

// Output returns the output of that name, or nil.
func (a *Action) Output(name string) *Output {
	for _, o := range a.Outputs {
		if o.Name == name {
			return o
		}
	}
	return nil
}
