package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"mcollective/ddl"
	"mcollective/message"
	"mcollective/rpc"
)

// Options set up a Handler.
type Options struct {
	Timeout    time.Duration // of an action, if neither it nor the agent has one; default 10 s, as in Ruby
	MaxOverdue int           // calls past their time limit that may be under way before no other is begun; default 16
	Log        *slog.Logger  // default: discard

	// DefinitionHash is that of the agent's definition. Default: it is computed when
	// it is first asked for, which takes a millisecond.
	DefinitionHash func() string
}

// grace is how long an action that is told of its time limit has to give back
// what it found so far.
const grace = 100 * time.Millisecond

// A Handler is an Agent at the level of messages, as a node's engine needs it. For
// each request it does, in this order:
//
//  1. read the body; what is no request of SimpleRPC gets no reply
//  2. give inputs that are required and are not there their defaults, and judge the
//     action and its inputs by the definition: status 4
//  3. prepare the reply: every declared output has its default
//  4. run the action within its time limit: an overrun is answered at once, with
//     status 5 and a text that begins with rpc.TextTimedOut; see also [Prompter]
//  5. make the error a status, and a panic status 5
//  6. answer, unless the caller wants none
//
// An action that does not heed the end of its context runs on and is counted:
// an agent of which too many calls hang is refused further ones, so that it
// cannot take the memory of the node.
type Handler struct {
	agent      Agent
	definition *ddl.Definition
	timeout    time.Duration // of actions that have none
	opts       Options

	mu      sync.Mutex
	running int // calls under way
	overdue int // of these, past their time limit
	closed  bool
}

// NewHandler makes the handler of an agent.
func NewHandler(a Agent, opts Options) *Handler {
	if opts.Timeout <= 0 {
		opts.Timeout = 10 * time.Second
	}
	if opts.MaxOverdue <= 0 {
		opts.MaxOverdue = 16
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	h := &Handler{agent: a, definition: a.Definition(), opts: opts}
	if opts.DefinitionHash == nil {
		h.opts.DefinitionHash = sync.OnceValue(h.definition.Hash)
	}
	h.timeout = h.Metadata().Timeout
	return h
}

// Agent is the agent that is handled.
func (h *Handler) Agent() Agent { return h.agent }

// Metadata is what the agent says of itself.
func (h *Handler) Metadata() rpc.Metadata {
	m := h.definition.Metadata
	if m.Timeout <= 0 {
		m.Timeout = h.opts.Timeout
	}
	return m
}

// DefinitionHash is by what clients tell whether they have the agent's definition.
func (h *Handler) DefinitionHash() string { return h.opts.DefinitionHash() }

// Timeout is how long Handle may take: a little more than the longest time limit
// of an action.
func (h *Handler) Timeout() time.Duration {
	longest := h.timeout
	for _, a := range h.definition.Actions {
		longest = max(longest, a.Timeout)
	}
	return longest + 2*grace + time.Second
}

// KeepsTime says that Handle returns within Timeout, whatever the agent does.
func (h *Handler) KeepsTime() bool { return true }

// Handle answers a request with the body of its reply. The error is an
// rpc.ErrNoReply for a caller who wants no answer, and for what is no request.
func (h *Handler) Handle(ctx context.Context, m *message.Request) (any, error) {
	parsed, err := rpc.Parse(m.Body)
	if err != nil {
		return nil, err
	}
	reply := h.answer(ctx, Request{
		Request: parsed, ID: m.ID, Sender: m.Sender, CallerID: m.Caller, Collective: m.Collective, Time: m.Time, TTL: m.TTL,
	})
	if parsed.Silent {
		return nil, rpc.ErrNoReply
	}
	reply.Message = clip(reply.Message, 4<<10) // an error may quote anything
	return reply.Body(), nil
}

func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return s[:most] + "..."
}

// answer is the reply to a request, whoever wants it.
func (h *Handler) answer(ctx context.Context, req Request) *rpc.Reply {
	action := h.definition.Action(req.Action)
	fail := func(err error) *rpc.Reply {
		reply := rpc.NewReply()
		if action != nil {
			reply = action.Reply()
		}
		reply.Fail(err)
		return reply
	}
	if action == nil {
		return fail(h.definition.Validate(clip(req.Action, 1000), nil)) // it has Ruby's words for that
	}
	// A client that has the definition from another node leaves defaults to this one.
	req.Data = action.Completed(req.Data)
	if err := h.definition.Validate(req.Action, req.Data); err != nil {
		return fail(err)
	}
	if err := h.begin(); err != nil {
		return fail(err)
	}
	may := action.Timeout
	if may <= 0 {
		may = h.timeout
	}
	c := &call{req: req, reply: action.Reply()}
	c.limit.in(ctx, may)
	defer c.limit.end()
	if p, ok := h.agent.(Prompter); ok && p.Prompt(req.Action) {
		h.run(c)
		return c.result()
	}
	c.done = make(chan struct{})
	over := time.NewTimer(time.Until(c.limit.until))
	defer over.Stop()
	go h.run(c)
	select {
	case <-c.done:
		return c.result()
	case <-over.C:
	case <-ctx.Done():
		if ctx.Err() != context.DeadlineExceeded {
			return h.late(c, fail, fmt.Errorf("action %s of agent %s was broken off: the node is stopping", req.Action, h.name()))
		}
	}
	return h.late(c, fail, fmt.Errorf("%s: action %s of agent %s may take %v", rpc.TextTimedOut, req.Action, h.name(), may))
}

func (h *Handler) name() string { return h.definition.Metadata.Agent }

// A call is one action under way.
type call struct {
	limit limit
	req   Request
	reply *rpc.Reply    // the action's alone until done is closed
	err   error         // likewise
	done  chan struct{} // nil if nobody waits beside it
	late  bool          // answered without waiting for it; guarded by Handler.mu
}

// result is the reply of an action that has ended.
func (c *call) result() *rpc.Reply {
	if c.err != nil {
		c.reply.Fail(c.err)
	}
	return c.reply
}

// late answers for an action that has not ended in time; err tells why it had to.
func (h *Handler) late(c *call, fail func(error) *rpc.Reply, err error) *rpc.Reply {
	wait := time.NewTimer(grace)
	defer wait.Stop()
	select {
	case <-c.done:
	case <-wait.C:
		if n := h.abandon(c); n > 0 {
			h.opts.Log.Warn("action is over its time limit and does not end", "agent", h.name(), "action", c.req.Action,
				"request", c.req.ID, "caller", c.req.CallerID, "error", err, "such calls", n)
			return fail(err)
		}
	}
	switch {
	case c.err == nil:
	case errors.Is(c.err, context.DeadlineExceeded), errors.Is(c.err, context.Canceled):
		c.reply.Fail(err)
	case strings.HasPrefix(c.err.Error(), rpc.TextTimedOut): // it says that itself, and more
		c.reply.Fail(c.err)
	default: // like what goes on, or the last that was said
		c.reply.Fail(fmt.Errorf("%w: %v", err, c.err))
	}
	return c.reply
}

// abandon counts a call among the overdue, and returns how many there are; 0 if
// it has just ended.
func (h *Handler) abandon(c *call) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case <-c.done:
		return 0
	default:
	}
	c.late = true
	h.overdue++
	return h.overdue
}

// run calls the agent.
func (h *Handler) run(c *call) {
	defer h.end(c)
	defer func() {
		if p := recover(); p != nil {
			h.opts.Log.Error("action broke; this is a bug of the agent", "agent", h.name(), "action", c.req.Action,
				"request", c.req.ID, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			c.err = fmt.Errorf("action %s of agent %s broke; the log of the node tells where", c.req.Action, h.name())
		}
	}()
	c.err = h.agent.Call(&c.limit, &c.req, c.reply)
}

func (h *Handler) begin() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return fmt.Errorf("agent %s is being replaced, try again", h.name())
	case h.overdue >= h.opts.MaxOverdue:
		return fmt.Errorf("busy: %d earlier calls of agent %s are over their time limit and do not end", h.overdue, h.name())
	}
	h.running++
	return nil
}

func (h *Handler) end(c *call) {
	h.mu.Lock()
	h.running--
	if c.late {
		h.overdue--
	}
	last := h.closed && h.running == 0
	if c.done != nil {
		close(c.done)
	}
	h.mu.Unlock()
	if last {
		h.closeAgent()
	}
}

// Close lets no other call begin, and closes the agent if it is a Closer: now, or
// when the last call that is under way has ended. It does not wait for that.
func (h *Handler) Close() error {
	h.mu.Lock()
	now := !h.closed && h.running == 0
	h.closed = true
	h.mu.Unlock()
	if now {
		return h.closeAgent()
	}
	return nil
}

func (h *Handler) closeAgent() error {
	c, ok := h.agent.(io.Closer)
	if !ok {
		return nil
	}
	err := c.Close()
	if err != nil {
		h.opts.Log.Warn("agent does not close", "agent", h.name(), "error", err)
	}
	return err
}
