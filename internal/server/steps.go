package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mcollective/connector"
	"mcollective/filter"
	"mcollective/internal/timelimit"
	"mcollective/message"
	"mcollective/rpc"
	"mcollective/security"
)

// nearly is how far a request may be out of its time for its caller to hear of it.
// Older ones are of no interest to anybody but those who replay them.
const nearly = 10 * time.Minute

func (s *Server) checkSize(d connector.Delivery) *refusal {
	if len(d.Data) <= s.opts.MaxRequest {
		return nil
	}
	return tooBig.refuse(fmt.Errorf("request of %d bytes, this node takes %d", len(d.Data), s.opts.MaxRequest))
}

func (s *Server) decode(c *call, d connector.Delivery) *refusal {
	req, err := s.opts.Security.DecodeRequest(s.work, security.Payload{Data: d.Data, Headers: d.Headers}, c.origin)
	if err == nil {
		err = checkPrincipal(req, c.arrived)
	} else if no := refusalOf(err); no != nil {
		// It takes the steps up to checkProof, which ends its way.
		req, err, c.refusal = no.Request, nil, no
	}
	if err != nil {
		return undecodable.refuse(err)
	}
	s.count.add(countValidated)
	c.Request = req
	return nil
}

// checkPrincipal makes sure that the provider has said who asks, and that his proof has
// not ended.
func checkPrincipal(req *message.Request, now time.Time) error {
	if err := req.Principal.Check(now); err != nil {
		return fmt.Errorf("request %s of %s: %w", clip(req.ID), clip(req.Caller), err)
	}
	return proven(req)
}

// proven makes sure that the caller id, by which all that follows goes, is the one that
// is proven.
func proven(req *message.Request) error {
	p := &req.Principal
	if err := p.Proven(); err != nil {
		return fmt.Errorf("request %s of %s: %w", clip(req.ID), clip(req.Caller), err)
	}
	if p.ID != req.Caller {
		return fmt.Errorf("request %s says that it is of %s, and is proven to be of %s", clip(req.ID), clip(req.Caller), clip(p.ID))
	}
	return nil
}

// refusalOf returns the refusal that an error of the provider is, if its caller is
// proven, and nil otherwise.
func refusalOf(err error) *security.Refusal {
	var r *security.Refusal
	if !errors.As(err, &r) || r.Request == nil || proven(r.Request) != nil {
		return nil
	}
	return r
}

// checkProof refuses what the security provider refuses though it is proven.
func (s *Server) checkProof(c *call) *refusal {
	if c.refusal == nil {
		return nil
	}
	return ofProof(c.refusal)
}

// bind makes sure that the request is what its subscription is for. Nothing else
// ties a request to the topic it was sent to, and the topic is what the broker's
// access rules are about.
func (s *Server) bind(c *call) *refusal {
	unbound := func(format string, args ...any) *refusal {
		return misdirected.refuse(fmt.Errorf(format, args...))
	}
	if c.Collective != c.origin.Collective {
		return unbound("request for collective %q came in on collective %q", clip(c.Collective), c.origin.Collective)
	}
	if c.origin.Direct && c.origin.Identity != s.opts.Identity {
		return unbound("request for node %q", clip(c.origin.Identity))
	}
	// A connector that listens for all agents at one place cannot say which one.
	if !c.origin.Direct && c.origin.Agent != "" && c.origin.Agent != c.Agent {
		return unbound("request for agent %q came in on agent %q", clip(c.Agent), c.origin.Agent)
	}
	if inner, ok := innerAgent(c.Body); !ok || inner != "" && inner != c.Agent {
		return unbound("request for agent %q holds one for agent %q", clip(c.Agent), clip(inner))
	}
	return nil
}

// checkAge compares whole seconds, as Ruby does: a request is good up to and
// including the last second of its time to live.
func (s *Server) checkAge(c *call) *refusal {
	ttl := c.TTL
	if ttl == 0 {
		ttl = s.opts.TTL
	}
	if s.opts.MaxTTL > 0 {
		ttl = min(ttl, s.opts.MaxTTL)
	}
	age := c.arrived.Unix() - max(c.Time.Unix(), 0)
	if limit := s.opts.MaxSkew; limit > 0 && age < -int64(limit/time.Second) {
		why := fmt.Errorf("sent %d seconds in the future, %v are allowed; check both clocks", -age, limit)
		return skewed.refuse(why, -age).unlessLong(-age - int64(limit/time.Second))
	}
	if good := int64(ttl / time.Second); good < 1 || age > good {
		why := fmt.Errorf("sent %d seconds ago and good for %d; if that is wrong, check both clocks", age, good)
		return expired.refuse(why, age, good).unlessLong(age - good)
	}
	return nil
}

// unlessLong leaves a request unanswered that is out of its time by more than nearly.
func (r *refusal) unlessLong(seconds int64) *refusal {
	if seconds < 0 || seconds > int64(nearly/time.Second) {
		r.said = ""
	}
	return r
}

// checkReplay can only be as good as the security provider's proof: under PSK
// neither time nor id of a request are proven, and nothing can be done.
func (s *Server) checkReplay(c *call) *refusal {
	if s.opts.Replay == nil {
		return nil
	}
	if err := s.opts.Replay.Check(c.Request); err != nil {
		return ofReplay(err)
	}
	return nil
}

func (s *Server) filterPlain(c *call) *refusal {
	if ok, err := c.Filter.MatchPlain(&c.agentSet.node, s.opts.Rules); !ok {
		if c.origin.Direct && c.agentSet.agents[c.Agent] == nil {
			return agentless.refuse(err, clip(c.Agent))
		}
		return noMatch(err)
	}
	// Only now, for a node without the agent is usually one that the filter
	// leaves out, and that is nothing to warn of.
	c.agent = c.agentSet.agents[c.Agent]
	if c.agent == nil {
		return unknownAgent.refuse(nil, clip(c.Agent))
	}
	c.runsData = c.Filter.NeedsData()
	if !c.runsData {
		s.match(c)
	}
	return nil
}

// noMatch returns the no of a filter; err is why it could not be evaluated, if so.
func noMatch(err error) *refusal {
	if err == nil {
		return filtered
	}
	return unfilterable.refuse(err)
}

func (s *Server) match(c *call) {
	c.matched = true
	s.count.add(countPassed)
}

// needsAuthorization reports whether the request makes the node run something: those to the
// discovery agent do not, unless their filter does.
func (c *call) needsAuthorization() bool { return c.Agent != discovery || c.runsData }

// authorize asks the proof itself and then the node's own policy. Both must allow.
func (s *Server) authorize(c *call) *refusal {
	if !c.needsAuthorization() {
		return nil
	}
	err := permitted(c.Request)
	if err == nil && s.opts.Authorize != nil {
		err = s.opts.Authorize.Authorize(s.work, c.Request, &c.agentSet.node)
	}
	if err == nil {
		return nil
	}
	return denied.refuse(err)
}

// permitted returns why the proof of who asks does not allow a request, or nil.
func permitted(req *message.Request) error {
	p := &req.Principal
	if p.Allows(req.Collective, req.Agent, "") == nil {
		return nil // whatever the action is
	}
	action := ""
	if parsed, err := rpc.Parse(req.Body); err == nil {
		action = parsed.Action
	}
	return p.Allows(req.Collective, req.Agent, action)
}

// auditDecision records what authorize decided. What cannot be recorded is not
// run.
func (s *Server) auditDecision(c *call, no *refusal) *refusal {
	if s.opts.Audit == nil || !c.needsAuthorization() {
		return nil
	}
	var why error
	if no != nil {
		why = no.why
	}
	err := s.opts.Audit.Decision(s.work, c.Request, why)
	if err == nil {
		return nil
	}
	return unaudited.refuse(fmt.Errorf("the audit log cannot be written: %w", err))
}

func (s *Server) filterData(c *call) *refusal {
	if !c.runsData {
		return nil
	}
	ctx, cancel := context.WithTimeout(s.work, s.opts.DataTimeout)
	defer cancel()
	if ok, err := c.Filter.Match(ctx, &c.agentSet.node, s.opts.Rules); !ok {
		return noMatch(err)
	}
	s.match(c)
	return nil
}

func (s *Server) auditOutcome(c *call, err error) {
	if s.opts.Audit == nil || !c.needsAuthorization() {
		return
	}
	if errors.Is(err, ErrNoReply) && !timelimit.IsVerdict(err) {
		err = nil // nobody wanted a reply, and nothing else was the matter
	}
	s.opts.Audit.Outcome(s.answers, c.Request, Outcome{Err: err, Took: s.now().Sub(c.arrived)})
}

// A ReplayGuard remembers requests.
type ReplayGuard interface {
	// Check refuses a request that was seen before and remembers one that was
	// not. It is asked on the receive path and must not wait. The caller hears of
	// an error that is a security.Refusal.
	Check(*message.Request) error
}

// An Authorizer decides who may do what. It is asked for every request that
// makes the node run something: all but those to the discovery agent, and those
// too when their filter runs data plugins.
type Authorizer interface {
	// Authorize returns nil, or why the caller may not; the node is as filters see it. The
	// caller is told the error's text. One that is a slog.LogValuer has another for the log.
	Authorize(ctx context.Context, req *message.Request, node filter.Node) error
}

// An Auditor records the same requests that an Authorizer is asked for.
type Auditor interface {
	// Decision records that a request is about to run, or with denied why it is
	// not. With an error the request does not run.
	Decision(ctx context.Context, req *message.Request, denied error) error
	// Outcome records how the request ended.
	Outcome(ctx context.Context, req *message.Request, o Outcome)
}

// An Outcome is how a request ended.
type Outcome struct {
	Err  error         // nil if the agent answered
	Took time.Duration // since the request arrived
}
