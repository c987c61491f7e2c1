package server

import (
	"errors"
	"time"

	"mcollective/connector"
	"mcollective/message"
	"mcollective/security"
)

// A call is one request on its way through the node.
type call struct {
	*message.Request // nil until it was decoded

	origin  message.Origin
	size    int // payload bytes
	arrived time.Time

	agentSet *agentSet
	agent    *agent
	runsData bool              // its filter has data functions
	matched  bool              // by the whole filter: from here on the caller may hear of us
	refusal  *security.Refusal // why the security provider refuses it, though it is proven who asks
	late     *refusal          // a no that the caller, who named this node, is to hear from a worker
	handed   bool              // it is a worker's now
	onWorker bool              // it may wait
	answered bool              // nothing else is to be said
}

// receive takes a delivery through the steps that need neither code of others
// nor time, in this order: each relies on those before it, and the cheapest
// refusals come first. A step that says no ends the way of the request; refused
// counts and logs that.
func (s *Server) receive(d connector.Delivery, now time.Time) {
	c := &call{origin: originOf(d), size: len(d.Data), arrived: now, agentSet: s.hold()}
	defer func() {
		if !c.handed {
			c.agentSet.release()
		}
	}()
	defer s.contain(c)
	s.count.add(countTotal)
	switch {
	case s.refused(c, s.checkSize(d)):
	case s.refused(c, s.decode(c, d)): // envelope, role, caller id, then signature over the received bytes
	case s.refused(c, s.bind(c)): // the agent and the collective are those that the subscription vouches for
	case s.refused(c, s.checkAge(c)):
	case s.refused(c, s.checkProof(c)): // not before: what is out of its place or time is answered by nobody
	case s.refused(c, s.checkReplay(c)):
	case s.refused(c, s.filterPlain(c)): // everything but data functions
	case c.agent.inline && !c.runsData && s.online():
		s.run(c)
	default:
		s.enqueue(c)
	}
}

// answer takes a call that receive accepted through the steps that may run code
// or wait. It runs on a worker.
func (s *Server) answer(c *call) {
	c.onWorker = true
	defer c.agentSet.release()
	defer s.contain(c)
	if c.late != nil {
		s.refused(c, c.late)
		return
	}
	no := s.authorize(c)
	switch {
	case s.refused(c, s.auditDecision(c, no)):
	case s.refused(c, no):
	case s.refused(c, s.filterData(c)): // runs plugins, so only for who may
	default:
		s.run(c)
	}
}

// run asks the agent, records how that ended, and replies.
func (s *Server) run(c *call) {
	s.logAccepted(c)
	body, err := c.agent.handler.Handle(s.work, c.Request)
	c.answered = true
	s.auditOutcome(c, err)
	o := outcomeOf(err)
	if o != nil {
		s.count.add(o.count)
	}
	switch {
	case o == nil:
		s.reply(c, c.state(body), "")
	case body != nil && o.reason != "":
		s.reply(c, c.state(body), o.reason)
	case errors.Is(err, ErrNoReply):
		s.logSilence(c, err)
	default:
		s.reply(c, o.reply(err), o.reason)
	}
}

// originOf returns where a delivery came in.
func originOf(d connector.Delivery) message.Origin {
	return message.Origin{
		Collective: d.Target.Collective, Agent: d.Target.Agent,
		Direct: d.Target.Kind == connector.Directed, Identity: d.Target.Identity, ReplyTo: d.ReplyTo,
	}
}
