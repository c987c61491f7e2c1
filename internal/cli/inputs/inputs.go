// Package inputs turns the words of a user into the inputs of an action, and refuses what nodes would refuse.
package inputs

import (
	"fmt"
	"strings"

	"mcollective/ddl"
	"mcollective/internal/safetext"
	"mcollective/internal/suggest"
	"mcollective/internal/usage"
	"mcollective/value"
)

// An Argument is one input as the user typed it.
type Argument struct{ Name, Text string }

// Parse reads a word of the form key=val.
func Parse(word string) (Argument, bool) {
	name, text, ok := strings.Cut(word, "=")
	return Argument{name, text}, ok && name != ""
}

// A Reader reads the inputs of one action.
type Reader struct {
	Agent  string
	Action string
	Noop   bool

	From map[string]string // the flag of an application that an input is from
}

// Of returns a function that reads the arguments by what an agent says of itself. The
// action is given to known, which may refuse it, unless that is nil.
func (r *Reader) Of(args []Argument, known func(*ddl.Action) error) func(*ddl.Contract) (*value.Map, error) {
	return func(c *ddl.Contract) (*value.Map, error) {
		action, inputs, err := r.Read(c, args)
		if err == nil && known != nil {
			err = known(action)
		}
		return inputs, err
	}
}

// Defined reads the arguments of an action by one definition, which has to have it.
func Defined(d *ddl.Definition, action string, args []Argument) (*ddl.Action, *value.Map, error) {
	r := Reader{Agent: d.Metadata.Agent, Action: action}
	def, in, err := r.Read(ddl.NewContract(r.Agent, d), args)
	if err == nil && def == nil {
		err = fmt.Errorf("agent %s has no action %s", r.Agent, action)
	}
	return def, in, err
}

// Read turns the words of the user into the inputs of the action, and refuses
// what nodes would refuse.
func (r *Reader) Read(c *ddl.Contract, args []Argument) (*ddl.Action, *value.Map, error) {
	action := c.Action(r.Action)
	inputs := value.NewMap()
	if r.Noop {
		if action != nil && action.Noop && !c.Noop(r.Action) {
			return nil, nil, usage.Errorf("not all nodes are known to understand --noop for the action %s of agent %s: %s", r.Action, r.Agent, safetext.CleanLine(c.Doubt(r.Action)))
		}
		if action != nil && !action.Noop {
			return nil, nil, usage.Errorf("the action %s of agent %s does not know --noop: it would do its work", r.Action, r.Agent)
		}
		inputs.Set(value.Symbol("noop"), true)
	}
	given := make(map[string]string)
	if r.Noop {
		given["noop"] = "true"
	}
	for _, arg := range args {
		// One of the two is not meant: --noop noop=false would do the work.
		if before, twice := given[arg.Name]; twice && before != arg.Text {
			return nil, nil, usage.Errorf("invalid argument: %s=%s: the input was given as %s before", arg.Name, arg.Text, before)
		}
		given[arg.Name] = arg.Text
		var input any = arg.Text
		if action != nil {
			if err := r.declared(c, action, arg.Name); err != nil {
				return nil, nil, err
			}
			var err error
			if input, err = action.Coerce(arg.Name, arg.Text); err != nil {
				return nil, nil, usage.Hinted(err, "")
			}
		}
		inputs.Set(value.Symbol(arg.Name), input)
	}
	if action != nil {
		action.Complete(inputs)
	}
	if err := c.Validate(r.Action, inputs); err != nil {
		return nil, nil, usage.Hinted(err, r.advice(c.Definition(), action, args))
	}
	return action, inputs, nil
}

// declared refuses an input that the action does not know. Nodes pass over it, and
// usr=www instead of user=www would be about the processes of everybody.
func (r *Reader) declared(c *ddl.Contract, action *ddl.Action, name string) error {
	flag, isFlag := r.From[name]
	switch {
	case action.Input(name) != nil:
		return nil
	case isFlag:
		return usage.Errorf("--%s does not apply to the action %s of agent %s: it has no such input", flag, r.Action, r.Agent)
	case action.OtherInputs || name == "noop" && action.Noop:
		return nil
	}
	return usage.Hinted(fmt.Errorf("the action %s of agent %s has no input %s", r.Action, r.Agent, name),
		r.advice(c.Definition(), action, []Argument{{Name: name}}))
}

// advice returns what may help after a request that its definition refuses.
func (r *Reader) advice(d *ddl.Definition, action *ddl.Action, args []Argument) string {
	if action == nil {
		names := make([]string, len(d.Actions))
		for i, a := range d.Actions {
			names[i] = a.Name
		}
		if near := suggest.Nearest(r.Action, names); near != "" {
			return "Did you mean '" + near + "'?"
		}
		return "Its actions are " + strings.Join(names, ", ")
	}
	names := make([]string, len(action.Inputs))
	for i, in := range action.Inputs {
		names[i] = in.Name
	}
	for _, arg := range args {
		if action.Input(arg.Name) != nil {
			continue
		}
		if near := suggest.Nearest(arg.Name, names); near != "" {
			return "There is no input " + arg.Name + "; did you mean '" + near + "'?"
		}
	}
	return "'mco plugin doc agent/" + r.Agent + "' describes the inputs"
}
