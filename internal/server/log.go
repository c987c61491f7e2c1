package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"mcollective/internal/plaintext"
	"mcollective/message"
	"mcollective/rpc"
)

// refused ends the way of a call if a step said no: it counts, logs, and answers
// where the caller may know. It reports whether it did.
func (s *Server) refused(c *call, r *refusal) bool {
	if r == nil {
		return false
	}
	if r.heard >= named && r.said != "" && !c.onWorker && s.addressedByName(c, r.heard) {
		c.late = r
		if s.hand(c) { // an answer costs more than a refusal
			return true
		}
		c.late = nil
	}
	c.answered = true
	s.count.add(r.count)
	s.logRefused(c, r)
	switch {
	case r.no && c.AnswerAll && c.Agent == discovery && s.online():
		s.reply(c, message.No, "")
	case (c.late == r || r.heard == matched && c.matched) && !silent(c.Body):
		s.reply(c, r.body(r.said), r.reason)
	}
	return true
}

// addressedByName reports whether the caller of a request that will not run waits for
// this node, and may be told that he waits in vain: he called an action of this node by
// its name, and his filter would not have kept it silent, or he is not to know that.
func (s *Server) addressedByName(c *call, heard audience) bool {
	if !c.origin.Direct || c.Agent == discovery || c.origin.ReplyTo == "" {
		return false
	}
	if _, err := rpc.Parse(c.Body); err != nil {
		return false
	}
	if heard == addressed || c.refusal != nil {
		return true
	}
	if c.Filter.NeedsData() {
		return false
	}
	ok, _ := c.Filter.MatchPlain(c.agentSet.with(c.Agent), s.opts.Rules)
	return ok
}

// logRefused writes one line for a refused call. Anybody can make a node refuse,
// so the lines are rationed; ordinary filtering is only seen at debug level.
func (s *Server) logRefused(c *call, r *refusal) {
	ctx := context.Background()
	if !s.log.Enabled(ctx, r.level) {
		return
	}
	if r.level >= slog.LevelInfo {
		ok, left := s.flood.allow(c.arrived)
		if left > 0 {
			s.log.LogAttrs(ctx, slog.LevelWarn, "more requests were refused than are logged", slog.Uint64("left_out", left))
		}
		if !ok {
			return
		}
	}
	s.log.LogAttrs(ctx, r.level, "request refused", append(c.attrs(), slog.String("step", r.step), slog.Any("error", r.why))...)
}

// logAccepted tells that an agent is about to be asked. Bodies hold passwords
// and are never logged. A ping makes the node do nothing, and on a busy
// collective its line would cost more than its answer.
func (s *Server) logAccepted(c *call) {
	level := slog.LevelInfo
	if !c.needsAuthorization() {
		level = slog.LevelDebug
	}
	if ctx := context.Background(); s.log.Enabled(ctx, level) {
		s.log.LogAttrs(ctx, level, "request", c.attrs()...)
	}
}

// logSilence tells why a request is not answered, if its agent says.
func (s *Server) logSilence(c *call, err error) {
	if err == ErrNoReply { //lint:allow errcompare one that wraps it says why
		return
	}
	if ok, _ := s.flood.allow(s.now()); ok {
		s.log.LogAttrs(context.Background(), slog.LevelWarn, "request gets no answer", append(c.attrs(), slog.Any("error", err))...)
	}
}

// attrs names a call in logs. What other machines wrote is cut short.
func (c *call) attrs() []slog.Attr {
	if c.Request == nil {
		return []slog.Attr{
			slog.String("collective", c.origin.Collective), slog.String("agent", c.origin.Agent), slog.Int("bytes", c.size),
		}
	}
	return []slog.Attr{
		slog.String("request", clip(c.ID)), slog.String("agent", clip(c.Agent)), slog.String("caller", clip(c.Caller)),
		slog.String("sender", clip(c.Sender)), slog.String("collective", clip(c.Collective)),
	}
}

// contain turns a panic into a failure of one request. It is to be deferred
// directly.
func (s *Server) contain(c *call) {
	p := recover()
	if p == nil {
		return
	}
	s.count.add(panicked.count)
	if ok, _ := s.flood.allow(c.arrived); ok {
		s.log.LogAttrs(context.Background(), slog.LevelError, "request broke the code that handled it; this is a bug",
			append(c.attrs(), slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))...)
	}
	if !c.matched || c.answered {
		return // nobody is waiting, or nobody any more
	}
	s.auditOutcome(c, errors.New(panicked.words))
	if !silent(c.Body) {
		s.reply(c, panicked.reply(), panicked.reason)
	}
}

// burst is how many refusals are logged in each window; more are only counted.
const (
	burst  = 20
	window = 10 * time.Second
)

// A sampler rations log lines without a lock.
type sampler struct {
	began atomic.Int64  // second in which the window began
	seen  atomic.Uint64 // lines asked for in the window
	total atomic.Uint64 // lines left out, ever
}

// allow reports whether a line may be written, and with the first line of a window
// how many were left out in the one before.
func (l *sampler) allow(now time.Time) (ok bool, leftOut uint64) {
	began, sec := l.began.Load(), now.Unix()
	if (sec-began >= int64(window/time.Second) || sec < began) && l.began.CompareAndSwap(began, sec) {
		if seen := l.seen.Swap(0); seen > burst {
			leftOut = seen - burst
		}
	}
	if l.seen.Add(1) <= burst {
		return true, leftOut
	}
	l.total.Add(1)
	return false, leftOut
}

// clip shortens text from the wire.
func clip(s string) string { return plaintext.Clip(s, 128) }
