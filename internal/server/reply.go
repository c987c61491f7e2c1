package server

import (
	"errors"
	"fmt"
	"time"

	"mcollective/connector"
	"mcollective/message"
)

// How long a reply may wait for the broker: briefly where that holds up what
// arrives next, and long enough for a broker to restart where it does not.
const (
	receivePatience = 2 * time.Second
	workerPatience  = 30 * time.Second
)

// enqueue hands a call to the workers, or tells the caller that there is no room.
func (s *Server) enqueue(c *call) {
	if !s.hand(c) {
		s.refused(c, queueFull.refuse(nil))
	}
}

// hand gives a call to the workers and answers those that lost their place in the
// queue to it. It reports whether there was room.
func (s *Server) hand(c *call) bool {
	ok, losers := s.pool.submit(c)
	c.handed = ok
	for _, d := range losers {
		d.late = nil
		s.refused(d, displaced.refuse(nil))
		d.agentSet.release()
	}
	return ok
}

// reply sends what came out of a call. A reply that cannot be made or is too
// large becomes a small one that says so: a caller that hears nothing cannot
// tell that from a node that is gone.
func (s *Server) reply(c *call, body any, reason message.Reason) {
	if c.origin.ReplyTo == "" {
		s.log.Debug("request has no reply address", "request", clip(c.ID), "agent", clip(c.Agent))
		return
	}
	err := s.send(c, body, reason)
	switch {
	case errors.Is(err, errEncode):
		s.log.Error("reply cannot be encoded; the agent is at fault", "agent", clip(c.Agent), "request", clip(c.ID), "error", err)
		err = s.send(c, unmade.reply(clip(c.Agent)), unmade.reason)
	case errors.Is(err, connector.ErrTooLarge):
		s.count.add(unsent.count)
		s.log.Warn("reply is too large, an error goes in its place", "agent", clip(c.Agent), "request", clip(c.ID), "caller", clip(c.Caller), "reply_to", clip(c.origin.ReplyTo), "error", err)
		err = s.send(c, unsent.reply(err), unsent.reason)
	}
	if err == nil {
		s.count.add(countReplies)
		return
	}
	s.count.add(countDropped)
	if ok, _ := s.flood.allow(s.now()); ok {
		s.log.Error("reply is lost", "agent", clip(c.Agent), "request", clip(c.ID), "caller", clip(c.Caller), "error", err)
	}
}

// errEncode marks a reply that the security provider could not make.
var errEncode = errors.New("encode the reply")

func (s *Server) send(c *call, body any, reason message.Reason) error {
	now := c.arrived // but for moments, where nothing waits
	if c.onWorker {
		now = s.now()
	}
	payload, err := s.opts.Security.EncodeReply(s.answers, c.Request, &message.Reply{
		RequestID: c.ID,
		Sender:    s.opts.Identity,
		Agent:     c.Agent,
		Time:      now,
		Body:      body,
		Reason:    reason,
	})
	if err != nil {
		return fmt.Errorf("%w: %w", errEncode, err)
	}
	wait := &s.receiving
	if c.onWorker {
		wait = &s.working
	}
	return s.opts.Connector.Publish(wait.context(s.answers),
		connector.Target{Kind: connector.Reply, Collective: c.Collective, Agent: c.Agent, Address: c.origin.ReplyTo},
		connector.Message{Data: payload.Data, Headers: payload.Headers, TTL: s.opts.TTL})
}
