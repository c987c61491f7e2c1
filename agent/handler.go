package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"mcollective/ddl"
	"mcollective/internal/plaintext"
	"mcollective/internal/timelimit"
	"mcollective/message"
	"mcollective/rpc"
)

// Options set up a Handler.
type Options struct {
	Timeout    time.Duration // of an action, if neither it nor the agent has one; default 10 s, as in Ruby
	MaxOverdue int           // calls past their time limit that may be under way before others are refused; default 16
	Log        *slog.Logger  // default: discard

	// DefinitionHash is that of the agent's definition. Default: it is computed when
	// it is first asked for, which takes a millisecond.
	DefinitionHash func() string
}

// A Handler is an Agent at the level of messages, as a node's engine needs it. For
// each request it does, in this order:
//
//  1. read the body; what is no request of SimpleRPC gets no reply
//  2. prepare the reply: every declared output has its default
//  3. give inputs that are required and are not there their defaults, and judge the
//     action and its inputs by the definition: status 4
//  4. run the action within its time limit, by the contract of package timelimit: an
//     overrun is answered with status 5 and a text that begins with
//     rpc.TextTimedOut; see also [InlineAgent]
//  5. make the error a status, and a panic status 5
//  6. answer, unless the caller wants none
type Handler struct {
	agent      Agent
	definition *ddl.Definition
	timeout    time.Duration // of actions that have none
	opts       Options
	limiter    timelimit.Limiter
}

// NewHandler makes the handler of an agent.
func NewHandler(a Agent, opts Options) *Handler {
	if opts.Timeout <= 0 {
		opts.Timeout = 10 * time.Second
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	h := &Handler{agent: a, definition: a.Definition(), opts: opts}
	h.limiter.MaxOverdue, h.limiter.OnIdle = opts.MaxOverdue, h.closeAgent
	if opts.DefinitionHash == nil {
		h.opts.DefinitionHash = sync.OnceValue(h.definition.Hash)
	}
	h.timeout = h.Metadata().Timeout
	return h
}

// Agent returns the agent that is handled.
func (h *Handler) Agent() Agent { return h.agent }

// Metadata returns the metadata of the definition, with the default time limit.
func (h *Handler) Metadata() rpc.Metadata {
	m := h.definition.Metadata
	if m.Timeout <= 0 {
		m.Timeout = h.opts.Timeout
	}
	return m
}

// DefinitionHash returns the hash by which clients recognize the agent's definition.
func (h *Handler) DefinitionHash() string { return h.opts.DefinitionHash() }

// Timeout returns how long Handle takes at most: the longest time limit of an action,
// and a moment.
func (h *Handler) Timeout() time.Duration {
	longest := h.timeout
	for _, a := range h.definition.Actions {
		longest = max(longest, a.Timeout)
	}
	return longest + timelimit.Grace + time.Second
}

// Handle answers a request with the body of its reply. The error is an
// rpc.ErrNoReply for a caller who wants no answer, and for what is no request. With
// a reply comes what the limiter says, by which the node tells the reason: a
// *timelimit.Overrun, a timelimit.Busy, timelimit.ErrClosed or a *timelimit.Panic.
func (h *Handler) Handle(ctx context.Context, m *message.Request) (any, error) {
	parsed, err := rpc.Parse(m.Body)
	if err != nil {
		return nil, err
	}
	reply, limited := h.answer(ctx, Request{
		Request: parsed, ID: m.ID, Sender: m.Sender, CallerID: m.Caller, Collective: m.Collective, Time: m.Time, TTL: m.TTL,
	})
	switch {
	case parsed.Silent && limited != nil:
		return nil, fmt.Errorf("%w: %w", rpc.ErrNoReply, limited)
	case parsed.Silent:
		return nil, rpc.ErrNoReply
	}
	reply.Message = plaintext.Clip(reply.Message, 4<<10) // an error may quote anything
	return reply.Body(), limited
}

// answer makes the reply to a request, also to one that wants none. The error is the
// limiter's, if it has one.
func (h *Handler) answer(ctx context.Context, req Request) (*rpc.Reply, error) {
	action := h.definition.Action(req.Action)
	if action == nil {
		reply := rpc.NewReply()
		reply.Fail(h.definition.Validate(plaintext.Clip(req.Action, 1000), nil)) // it has Ruby's words for that
		return reply, nil
	}
	reply := action.Reply()
	// A client that has the definition from another node leaves defaults to this one.
	req.Data = action.Completed(req.Data)
	if err := h.definition.Validate(req.Action, req.Data); err != nil {
		reply.Fail(err)
		return reply, nil
	}
	limit := action.Timeout
	if limit <= 0 {
		limit = h.timeout
	}
	given := reply // the action's alone as long as it runs
	call := func(ctx context.Context) error { return h.agent.Call(ctx, &req, given) }
	limited := h.limiter.Call
	if a, ok := h.agent.(InlineAgent); ok && a.RunsInline(req.Action) {
		limited = h.limiter.CallInline
	}
	err := limited(ctx, limit, call)
	if err == nil {
		return reply, nil
	}
	if over := (*timelimit.Overrun)(nil); errors.As(err, &over) && over.Running {
		reply = action.Reply()
	}
	reply.Fail(h.explain(&req, err))
	if timelimit.IsVerdict(err) {
		return reply, err
	}
	return reply, nil
}

// explain turns what the limiter says of a call into the text of its reply.
func (h *Handler) explain(req *Request, err error) error {
	var (
		name   = h.definition.Metadata.Agent
		over   *timelimit.Overrun
		broken *timelimit.Panic
		busy   timelimit.Busy
	)
	switch {
	case errors.As(err, &over):
		why := fmt.Errorf("%s: action %s of agent %s may take %v", rpc.TextTimedOut, req.Action, name, over.Limit)
		if over.Stopping {
			why = fmt.Errorf("action %s of agent %s was broken off: the node is stopping", req.Action, name)
		}
		switch said := over.Err; {
		case over.Running:
			h.opts.Log.Warn("action is over its time limit and does not end", "agent", name, "action", req.Action,
				"request", req.ID, "caller", req.CallerID, "error", why, "such_calls", over.Overdue)
		case errors.Is(said, context.DeadlineExceeded), errors.Is(said, context.Canceled):
		case strings.HasPrefix(said.Error(), rpc.TextTimedOut): // it says that itself, and more
			return said
		default: // like what goes on, or the last that was said
			return fmt.Errorf("%w: %v", why, said) //lint:allow errwrap a status of the action is not that of one over its time
		}
		return why
	case errors.As(err, &broken):
		h.opts.Log.Error("action broke; this is a bug of the agent", "agent", name, "action", req.Action,
			"request", req.ID, "panic", fmt.Sprint(broken.Value), "stack", string(broken.Stack))
		return fmt.Errorf("action %s of agent %s broke; the log of the node tells where", req.Action, name)
	case errors.As(err, &busy):
		return fmt.Errorf("busy: %d earlier calls of agent %s are over their time limit and do not end", int(busy), name)
	case errors.Is(err, timelimit.ErrClosed):
		return fmt.Errorf("agent %s is being replaced, try again", name)
	}
	return err
}

// Close lets no other call begin, and closes the agent if it is a Closer: now, or
// when the last call that is under way has ended. It does not wait for that.
func (h *Handler) Close() error { return h.limiter.Close() }

func (h *Handler) closeAgent() error {
	c, ok := h.agent.(io.Closer)
	if !ok {
		return nil
	}
	err := c.Close()
	if err != nil {
		h.opts.Log.Warn("agent does not close", "agent", h.definition.Metadata.Agent, "error", err)
	}
	return err
}
