package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"mcollective/connector"
	"mcollective/internal/timelimit"
	"mcollective/message"
	"mcollective/rpc"
	"mcollective/security"
)

// A refusal is the no of one step.
type refusal struct {
	step   string // its name in logs
	why    error
	count  func(*counters)
	level  slog.Level
	reason message.Reason // that goes with an answer
	heard  bool           // by a caller whose filter matches; who may not match is silent
	told   error          // what a caller that named this node hears; nil is silence
}

// nearly is how far a request may be out of its time for its caller to hear of it.
// Older ones are of no interest to anybody but those who replay them.
const nearly = 10 * time.Minute

// filtered is the ordinary no: most nodes of a collective say it to most
// requests, so it is made once.
var filtered = &refusal{
	step:  "filter",
	why:   errors.New("the filter does not match this node"),
	count: func(n *counters) { n.filtered.Add(1) },
	level: slog.LevelDebug,
}

func (s *Server) checkSize(d connector.Delivery) *refusal {
	if len(d.Data) <= s.opts.MaxRequest {
		return nil
	}
	return &refusal{
		step:  "size",
		why:   fmt.Errorf("request of %d bytes, this node takes %d", len(d.Data), s.opts.MaxRequest),
		count: func(n *counters) { n.unvalidated.Add(1) },
		level: slog.LevelWarn,
	}
}

func (s *Server) decode(c *call, d connector.Delivery) *refusal {
	req, err := s.opts.Security.DecodeRequest(s.work, security.Payload{Data: d.Data, Headers: d.Headers}, c.origin)
	if err == nil {
		err = checkPrincipal(req, c.arrived)
	}
	if err != nil {
		return &refusal{step: "decode", why: err, count: func(n *counters) { n.unvalidated.Add(1) }, level: slog.LevelWarn}
	}
	s.count.validated.Add(1)
	c.Request = req
	return nil
}

// checkPrincipal makes sure that the provider has said who asks. All that follows goes
// by the caller id, so that it has to be the one that is proven.
func checkPrincipal(req *message.Request, now time.Time) error {
	p := &req.Principal
	if err := p.Check(now); err != nil {
		return fmt.Errorf("request %s of %s: %w", clip(req.ID), clip(req.Caller), err)
	}
	if p.ID != req.Caller {
		return fmt.Errorf("request %s says that it is of %s, and is proven to be of %s", clip(req.ID), clip(req.Caller), clip(p.ID))
	}
	return nil
}

// bind makes sure that the request is what its subscription is for. Nothing else
// ties a request to the topic it was sent to, and the topic is what the broker's
// access rules are about.
func (s *Server) bind(c *call) *refusal {
	unbound := func(format string, args ...any) *refusal {
		return &refusal{step: "binding", why: fmt.Errorf(format, args...), count: func(n *counters) { n.unbound.Add(1) }, level: slog.LevelWarn}
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
		return &refusal{
			told: expired(-age-int64(limit/time.Second), "the request is from %d seconds in the future; check both clocks", -age),
			step: "age", reason: message.Expired,
			why:   fmt.Errorf("sent %d seconds in the future, %v are allowed; check both clocks", -age, limit),
			count: func(n *counters) { n.skewed.Add(1) },
			level: slog.LevelWarn,
		}
	}
	if ttl < time.Second || age > int64(ttl/time.Second) {
		return &refusal{
			told: expired(age-int64(ttl/time.Second), "the request came %d seconds after it was sent and was good for %d; if that is wrong, check both clocks", age, int64(ttl/time.Second)),
			step: "age", reason: message.Expired,
			why:   fmt.Errorf("sent %d seconds ago and good for %d; if that is wrong, check both clocks", age, int64(ttl/time.Second)),
			count: func(n *counters) { n.expired.Add(1) },
			level: slog.LevelWarn,
		}
	}
	return nil
}

// expired is what the caller of an expired request hears if it is not out of its
// time by more than nearly.
func expired(seconds int64, format string, args ...any) error {
	if seconds < 0 || seconds > int64(nearly/time.Second) {
		return nil
	}
	return fmt.Errorf("expired: "+format, args...)
}

// checkReplay can only be as good as the security provider's proof: under PSK
// neither time nor id of a request are proven, and nothing can be done.
func (s *Server) checkReplay(c *call) *refusal {
	if s.opts.Replay == nil {
		return nil
	}
	if err := s.opts.Replay.Check(c.Request); err != nil {
		return &refusal{step: "replay", why: err, count: func(n *counters) { n.replayed.Add(1) }, level: slog.LevelWarn}
	}
	return nil
}

func (s *Server) filterPlain(c *call) *refusal {
	if ok, err := c.Filter.MatchPlain(&c.agentSet.node, s.opts.Rules); !ok {
		r := unmatched(err)
		if c.origin.Direct && c.agentSet.agents[c.Agent] == nil {
			named := *r
			named.told, named.reason = unknownAgent(c.Agent), message.NoAgent
			r = &named
		}
		return r
	}
	// Only now, for a node without the agent is usually one that the filter
	// leaves out, and that is nothing to warn of.
	c.agent = c.agentSet.agents[c.Agent]
	if c.agent == nil {
		return &refusal{
			step: "filter", reason: message.NoAgent,
			why:   unknownAgent(c.Agent),
			told:  unknownAgent(c.Agent),
			count: func(n *counters) { n.unknown.Add(1) },
			level: slog.LevelWarn,
		}
	}
	c.runsData = c.Filter.NeedsData()
	if !c.runsData {
		s.match(c)
	}
	return nil
}

func unknownAgent(name string) error {
	return fmt.Errorf("no agent %q on this node", clip(name))
}

// unmatched is the no of a filter; err is why it could not be evaluated, if so.
func unmatched(err error) *refusal {
	if err == nil {
		return filtered
	}
	return &refusal{step: filtered.step, why: err, count: filtered.count, level: slog.LevelWarn}
}

func (s *Server) match(c *call) {
	c.matched = true
	s.count.passed.Add(1)
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
		err = s.opts.Authorize.Authorize(s.work, c.Request)
	}
	if err == nil {
		return nil
	}
	return &refusal{
		step: "authorize", reason: message.Denied, heard: true,
		why: err, count: func(n *counters) { n.denied.Add(1) }, level: slog.LevelWarn,
	}
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
func (s *Server) auditDecision(c *call, denied *refusal) *refusal {
	if s.opts.Audit == nil || !c.needsAuthorization() {
		return nil
	}
	var why error
	if denied != nil {
		why = denied.why
	}
	err := s.opts.Audit.Decision(s.work, c.Request, why)
	if err == nil {
		return nil
	}
	return &refusal{
		step: "audit", reason: message.Denied, heard: true,
		why: fmt.Errorf("the audit log cannot be written: %w", err), count: func(n *counters) { n.denied.Add(1) }, level: slog.LevelError,
	}
}

func (s *Server) filterData(c *call) *refusal {
	if !c.runsData {
		return nil
	}
	ctx, cancel := context.WithTimeout(s.work, s.opts.DataTimeout)
	defer cancel()
	if ok, err := c.Filter.Match(ctx, &c.agentSet.node, s.opts.Rules); !ok {
		return unmatched(err)
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
	// not. It is asked on the receive path and must not wait.
	Check(*message.Request) error
}

// An Authorizer decides who may do what. It is asked for every request that
// makes the node run something: all but those to the discovery agent, and those
// too when their filter runs data plugins.
type Authorizer interface {
	// Authorize returns nil, or why the caller may not.
	Authorize(context.Context, *message.Request) error
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
