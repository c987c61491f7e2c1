// Package adapter calls programs that are started for each call, by the protocols that such programs speak: ours, and those of other projects.
//
// An [Adapter] turns a request into a [Command], has a [Host] run it, and makes a
// reply of its [Result]. The host knows how the program is run and what it may take.
// What an adapter's programs declare without a descriptor of ours is here, too.
package adapter

import (
	"context"
	"encoding/json"
	"strconv"

	"mcollective/agent/stdio"
	"mcollective/ddl"
	"mcollective/internal/run"
	"mcollective/internal/shellwords"
	"mcollective/rpc"
)

// A Protocol is how a program is spoken to.
type Protocol string

// The protocols.
const (
	MCO         Protocol = "mco"         // ours, described in docs/agents.md; the default
	MCollective Protocol = "mcollective" // what Ruby agents call with implemented_by
	Choria      Protocol = "choria"      // external agents of Choria
	Bolt        Protocol = "bolt"        // tasks of Bolt and Puppet Enterprise
	Nagios      Protocol = "nagios"      // plugins of Nagios, Icinga and NRPE
)

// Protocols are all of them.
var Protocols = []string{string(MCO), string(MCollective), string(Choria), string(Bolt), string(Nagios)}

// An Adapter calls programs of one protocol.
type Adapter interface {
	// Call has the host run the program for a request, and fills the reply. The
	// action is that of the request. An error makes the reply one of failure.
	Call(ctx context.Context, h Host, req *stdio.Request, action *ddl.Action, reply *rpc.Reply) error
}

// An Activator is an Adapter whose programs say themselves whether they can work.
type Activator interface {
	// Activate returns nil if the program can work here, else why not.
	Activate(ctx context.Context, h Host) error
}

// A Host runs one program. Its methods are called from many goroutines.
type Host interface {
	Agent() string  // the agent's name
	Path() string   // the program's file
	Config() string // the node's configuration file
	Facts() string  // a file with the node's facts; "" for none

	// Run runs the program within the limits of its descriptor, in a private
	// directory unless the descriptor names one. What it writes to standard error is
	// logged. An ending that is not the program's own is an error, which says what
	// happened.
	Run(ctx context.Context, c Command) (*Result, error)
}

// A Command is what a program is given for one call.
type Command struct {
	Args  []string // after those of the descriptor
	Env   []string // before those of the descriptor
	Stdin []byte

	// Files is for programs that read a request file and write a reply file; what they
	// print is logged. Nil means that they print their answer.
	Files *Files
}

// Files are the request and the reply of a program. Their paths come before the
// other arguments, and in variables of these names.
type Files struct {
	Request              []byte
	RequestVar, ReplyVar string
}

// A Result is how a program ended, and what it wrote.
type Result struct {
	*run.Result
	Reply    []byte // the reply file, if there are Files
	ReplyErr error  // why it cannot be read
}

// ArgsInput is the input of a program without declared inputs that becomes its
// arguments.
const ArgsInput = "args"

// arguments returns the input args: a list, or a text of words, of which those with
// blanks are in quotes.
func arguments(req *stdio.Request) ([]string, error) {
	switch v := req.Data[ArgsInput].(type) {
	case nil:
		return nil, nil
	case []any:
		args := make([]string, 0, len(v))
		for _, e := range v {
			s, ok := stdio.ScalarText(e)
			if !ok {
				return nil, rpc.Errorf(rpc.InvalidData, "%s is to be a list of texts", ArgsInput)
			}
			args = append(args, s)
		}
		return args, nil
	case string:
		args, err := shellwords.Split(v)
		if err != nil {
			return nil, rpc.Errorf(rpc.InvalidData, "%s: %v", ArgsInput, err)
		}
		return args, nil
	}
	return nil, rpc.Errorf(rpc.InvalidData, "%s is to be a list of texts, or a text", ArgsInput)
}

// ending is the failure of a program that ended with an exit status or a signal.
func ending(agent string, res *run.Result) error {
	text := stdio.StderrText(res.Stderr)
	if res.Signal != "" {
		why := "agent " + agent + " was ended by a signal: " + res.Signal
		if text != "" {
			why += "; stderr: " + text
		}
		return rpc.Errorf(rpc.UnknownError, "%s", why)
	}
	if res.Exit >= int(rpc.Aborted) && res.Exit <= int(rpc.UnknownError) {
		if text == "" {
			text = [...]string{"", "failed", "unknown action", "missing data", "invalid data", "failed"}[res.Exit] + " (exit status " + strconv.Itoa(res.Exit) + ")"
		}
		return rpc.Errorf(rpc.Status(res.Exit), "%s", text)
	}
	why := "agent " + agent + " ended with exit status " + strconv.Itoa(res.Exit)
	switch {
	case text != "":
		why += ": " + text
	case res.Exit == 126 || res.Exit == 127:
		why += ", which shells mean by a command that cannot be run"
	}
	return rpc.Errorf(rpc.UnknownError, "%s", why)
}

// native makes a definition of what a file in the native form would hold.
func native(name string, m map[string]any) (*ddl.Definition, error) {
	m["agent"] = name
	data, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	return ddl.Parse(name+".json", data)
}
