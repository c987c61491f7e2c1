// Package agent defines agents: a definition that says which actions an agent has, and a function that runs them.
//
// Most agents in Go are a [Mux]: a definition from a file beside the code, and a
// function for each action.
//
//	//go:embed greet.yaml
//	var definition []byte
//
//	mux, err := agent.NewMux("greet.yaml", definition, map[string]agent.ActionFunc{
//		"hello": func(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
//			name, _ := req.String("name")
//			reply.Set("message", "hello "+name)
//			return nil
//		},
//	})
//
// A [Handler] puts an Agent behind the messages of a node. It does what every
// agent needs and none should do itself: it judges the request by the
// definition, prepares the reply, limits the time, and answers in any case.
//
// An agent never decides who may call it, never limits its own time, and never sees
// who else was asked: the node does that. Agents in other languages need no Go at all;
// docs/agents.md is for their authors.
package agent

import (
	"context"
	"log/slog"
	"time"

	"mcollective/ddl"
	"mcollective/rpc"
)

// An Agent has actions that requests run.
type Agent interface {
	// Definition returns the agent's definition. It never changes, and each of its
	// actions may be called.
	Definition() *ddl.Definition

	// Call runs an action. The request was judged by the definition, so that its
	// inputs are of the declared types; the reply holds the declared outputs with
	// their defaults. An error makes the reply one of failure, with the status of
	// an rpc.Error or else rpc.UnknownError; outputs that were set are sent all the
	// same. Call is called from many goroutines and returns soon after ctx ends.
	Call(ctx context.Context, req *Request, reply *rpc.Reply) error
}

// A Request is a call of an action, and who made it.
type Request struct {
	*rpc.Request

	ID         string // of the message, 32 hexadecimal digits
	Sender     string // identity of the machine that asks
	CallerID   string // who asks, like "uid=0", as far as the security provider proves it
	Collective string
	Time       time.Time     // when it was sent
	TTL        time.Duration // how long it is good for
}

// An Activator is an Agent that may be of no use on a machine.
type Activator interface {
	// Active returns nil if the agent can work here, else why not. It is asked when
	// agents are loaded, and has two seconds.
	Active(ctx context.Context) error
}

// A Preparer is an Agent that has something to find out which takes longer than callers like to wait. Prepare
// is called once the node has begun to use it, and only begins that: it returns at once.
type Preparer interface {
	Prepare(log *slog.Logger)
}

// An InlineAgent is an Agent of which some actions answer from memory, whatever
// happens: they wait for nobody and run no program. These are called without a
// goroutine of their own, and nothing limits their time: that is a tenth of what
// such a call costs a node. An action that waits after all holds up one worker of
// the node.
type InlineAgent interface {
	RunsInline(action string) bool
}

// A Closer is an Agent that holds something, like a running process. Close is
// called once its last request has ended and no other will come.
type Closer interface {
	Close() error
}
