package operation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"mcollective/ddl"
	"mcollective/discovery"
	"mcollective/internal/definitions"
	"mcollective/internal/usage"
	"mcollective/message"
)

// Contract begins what a call of an agent goes by, with the definition of this
// machine if there is one. Otherwise Complete has the nodes asked.
func (o *Operation) Contract(agent string) (*ddl.Contract, error) {
	d, err := o.env.Definition(agent)
	if err != nil && !errors.Is(err, ddl.ErrUnknown) {
		return nil, err
	}
	if message.ValidAgent(agent) == nil {
		o.defining = agent
	}
	return ddl.NewContract(agent, d), nil
}

// Complete adds to a contract what the nodes that are about to be called define. It
// is an error if nobody knows the agent.
func (o *Operation) Complete(ctx context.Context, c *ddl.Contract, t *Targets) error {
	// With a definition here only what is asked before many are called matters.
	if len(t.Nodes) > 0 && c.Local() == nil || len(t.Nodes) > 1 && len(t.stated) > 0 {
		if err := o.Connect(ctx); err != nil {
			return err
		}
		f := &definitions.Finder{Client: o.session.Client(), Collective: o.opts.Collective, Timeout: o.hashTime(t.Method), Cache: o.env.Definitions, Log: o.session.Log()}
		called := definitions.Targets{Nodes: t.Nodes, Searched: !t.Named && t.Method.local == nil, Stated: t.stated}
		if err := f.Complete(ctx, c, called); err != nil {
			return err
		}
	}
	if c.Definition() == nil && len(t.Nodes) == 0 {
		// Nothing will be sent; this only shows the result of that.
		if l := o.env.Definitions.Latest(c.Agent()); l != nil {
			c.Learn(l.Definition, nil)
		}
	}
	if c.Definition() != nil {
		return nil
	}
	unknown := UnknownAgent(c.Agent())
	var err error = unknown
	why := c.Differences("")
	if len(why) > 0 {
		// Whether the nodes know it is not known: this is no ddl.ErrUnknown.
		err = fmt.Errorf("%s: %s", unknown.Error(), strings.Join(why, "; "))
	}
	if o.env.Unknown == nil {
		return err
	}
	return usage.Hinted(err, o.env.Unknown(unknown, len(why) > 0))
}

// hashTime returns how long nodes are awaited that were not searched for.
func (o *Operation) hashTime(m Method) time.Duration {
	if m.Name == discovery.MethodBroadcast {
		return m.Timeout
	}
	return o.discoveryTimeout()
}

// WarnOfDifferences tells the dialog how the definitions differ that a call goes by.
func (o *Operation) WarnOfDifferences(c *ddl.Contract, action string) {
	for _, line := range c.Differences(action) {
		o.dialog.Warn(line)
	}
}

// AgentTime returns how long an action may take. The dialog hears of it if that is less
// than nodes say, unless the user decides.
func (o *Operation) AgentTime(c *ddl.Contract, action string) time.Duration {
	limit, cut := c.Timeout(action)
	if cut && o.opts.Timeout == 0 {
		o.dialog.Warn(fmt.Sprintf("answers are awaited for %v and not as long as the nodes' definition of agent %s says; --timeout sets another time", limit, c.Agent()))
	}
	return limit
}

// UnknownAgent is the error of a search for an agent that nobody knows.
type UnknownAgent string

func (a UnknownAgent) Error() string { return "Can't find DDL for agent plugin '" + string(a) + "'" }

// Is reports that the error is one of ddl.ErrUnknown.
func (UnknownAgent) Is(target error) bool { return target == ddl.ErrUnknown }
