package nats

import (
	"sync"
	"time"
)

// repeats keeps a log from saying the same again and again.
type repeats struct {
	mu   sync.Mutex
	said map[string]*saying
}

type saying struct {
	at    time.Time // when it was last logged
	count int       // how often it happened since the last reset
}

const (
	// repeatsEvery is how often the same is logged.
	repeatsEvery = time.Minute
	// maxSayings bounds how many texts are told apart; a broker may choose them.
	maxSayings = 64
)

// note counts an occurrence and reports whether it is to be logged.
func (r *repeats) note(text string) (count int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.said[text]
	if s == nil {
		if len(r.said) >= maxSayings {
			text = "" // all others are one
			s = r.said[text]
		}
		if s == nil {
			s = &saying{}
			if r.said == nil {
				r.said = map[string]*saying{}
			}
			r.said[text] = s
		}
	}
	s.count++
	if s.count > 1 && time.Since(s.at) < repeatsEvery {
		return s.count, false
	}
	s.at = time.Now()
	return s.count, true
}

// reset begins anew, as after a success.
func (r *repeats) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.said)
}

// attemptFailed logs why there is no connection to a server.
func (c *Conn) attemptFailed(server string, err error) {
	if c.closed.Load() {
		return
	}
	c.remember(err)
	if n, ok := c.repeated.note(server + " " + err.Error()); ok {
		c.log.Warn("no broker yet", "server", server, "error", err, "attempts", n)
	}
}

// firstContact is told of the first connection, whose errors Connect returns.
type firstContact struct{ *Conn }

func (firstContact) unanswered(error) {}

// contact is told of a later connection.
type contact struct {
	*Conn
	server string
}

func (k *contact) unanswered(err error) {
	k.attemptFailed(k.server, explain(k.life, err, k.opts.ConnectTimeout))
}

// skipped implements events.
func (c *Conn) skipped(size int) {
	c.oversize.Add(1)
	if n, ok := c.repeated.note("oversize"); ok {
		c.log.Warn("a message was too large to be taken", "bytes", size, "limit", maxMessage, "header_limit", maxHeader, "dropped", n)
	}
}

// refused implements events.
func (c *Conn) refused(words string) {
	if c.refuse(words) {
		return // the subscription tells
	}
	c.remember(&denial{words})
	if _, ok := c.repeated.note(words); ok {
		c.log.Warn("the broker refuses", "error", &denial{words})
	}
}
