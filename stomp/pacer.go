package stomp

import (
	"log/slog"
	"time"
)

const (
	// quiet is how long a text that was logged is not logged again.
	quiet = time.Minute
	// maxLines is how many different texts are logged within quiet: a broker
	// chooses its own words and could choose new ones each time.
	maxLines = 20
)

// A pacer logs what goes wrong with brokers without filling the log. It is used
// by one goroutine at a time.
type pacer struct {
	log     *slog.Logger
	since   time.Time      // when seen was begun
	seen    map[string]int // texts since then, and how often they came
	skipped int            // texts in excess of maxLines
}

// warn logs what went wrong with a server, unless it just did.
func (p *pacer) warn(msg, server string, err error) {
	if now := time.Now(); p.seen == nil || now.Sub(p.since) >= quiet {
		if p.skipped > 0 {
			p.log.Warn("log rate limit of broker errors reached", "skipped", p.skipped)
		}
		p.since, p.seen, p.skipped = now, map[string]int{}, 0
	}
	key := msg + "\x00" + server + "\x00" + err.Error()
	if n := p.seen[key]; n > 0 {
		p.seen[key]++
		return
	}
	if len(p.seen) >= maxLines {
		p.skipped++
		return
	}
	p.seen[key] = 1
	//lint:allow logtext the callers give constants
	p.log.Warn(msg, "broker", server, "error", err.Error())
}
