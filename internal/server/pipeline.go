package server

import (
	"context"
	"sync/atomic"
	"time"

	"mcollective/connector"
	"mcollective/message"
)

// A call is one request on its way through the node.
type call struct {
	*message.Request // nil until it was decoded

	in      connector.Target // the subscription it came in on
	replyTo string
	wantsNo bool   // the caller counts on an answer of who does not match, too
	stateOf string // the agent of which the caller wants to know the definition's hash
	size    int    // payload bytes
	arrived time.Time

	roster   *roster
	agent    *agent
	runsData bool        // its filter has data functions
	matched  bool        // by the whole filter: from here on the caller may hear of us
	late     *refusal    // a no that the caller, who named this node, is to hear from a worker
	handed   bool        // it is a worker's now
	onWorker bool        // it may wait
	answered atomic.Bool // whoever sets it owns the answer
}

// receive takes a delivery through the steps that need neither code of others
// nor time, in this order: each relies on those before it, and the cheapest
// refusals come first. A step that says no ends the way of the request; refused
// counts and logs that.
func (s *Server) receive(d connector.Delivery, now time.Time) {
	c := &call{in: d.Target, replyTo: d.ReplyTo, size: len(d.Data), arrived: now, roster: s.hold()}
	c.wantsNo = d.Headers[message.AnswerHeader] == message.AnswerAll
	c.stateOf = d.Headers[message.DefinitionHeader]
	defer func() {
		if !c.handed {
			c.roster.release()
		}
	}()
	defer s.contain(c)
	s.count.total.Add(1)
	switch {
	case s.refused(c, s.checkSize(d)):
	case s.refused(c, s.decode(c, d)): // envelope, role, caller id, then signature over the received bytes
	case s.refused(c, s.bind(c)): // the agent and the collective are those that the subscription vouches for
	case s.refused(c, s.checkAge(c)):
	case s.refused(c, s.checkReplay(c)):
	case s.refused(c, s.filterPlain(c)): // everything but data functions
	case c.agent.inline && !c.runsData && s.online():
		s.run(s.work, c)
	default:
		s.enqueue(c)
	}
}

// answer takes a call that receive accepted through the steps that may run code
// or wait. It runs on a worker.
func (s *Server) answer(c *call) {
	c.onWorker = true
	defer c.roster.release()
	defer s.contain(c)
	if c.late != nil {
		s.refused(c, c.late)
		return
	}
	denied := s.authorize(c)
	switch {
	case s.refused(c, s.auditDecision(c, denied)):
	case s.refused(c, denied):
	case s.refused(c, s.filterData(c)): // runs plugins, so only for who may
	case c.agent.keeps:
		s.run(s.work, c)
	default:
		s.runTimed(c)
	}
}

// runTimed runs an agent that may not keep its time limit.
func (s *Server) runTimed(c *call) {
	ctx, cancel := context.WithTimeout(s.work, c.agent.timeout)
	defer cancel()
	// A handler that does not come back must not leave its caller in the dark.
	overdue := time.AfterFunc(c.agent.timeout, func() { s.timedOut(c) })
	defer overdue.Stop()
	s.run(ctx, c)
}

// run asks the agent, records how that ended, and replies.
func (s *Server) run(ctx context.Context, c *call) {
	s.logAccepted(c)
	body, err := c.agent.handler.Handle(ctx, c.Request)
	if !c.answered.CompareAndSwap(false, true) {
		s.logLate(c, err)
		return
	}
	s.auditOutcome(c, err)
	s.reply(c, c.state(body), err)
}
