package stomp

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// blockFirst and blockMost bound how long nothing is sent to where a message
// broke the connection.
const (
	blockFirst = 5 * time.Second
	blockMost  = 5 * time.Minute
)

// A blocked exchange of RabbitMQ is absent, or we may not write to it. RabbitMQ
// breaks the connection of anyone who does, and the name may come from a request
// that others sent, so it is left alone for a while.
type blocked struct {
	err   *ServerError
	pause time.Duration
	until time.Time
}

// block leaves the exchange alone that the broker's words name, if they do. c.mu
// is held.
func (c *Client) block(said *ServerError) {
	name := exchangeIn(said)
	if name == "" {
		return
	}
	b := c.blocked[name]
	if now := time.Now(); b == nil || now.Sub(b.until) > 2*blockMost {
		if len(c.blocked) >= mostRefusals {
			clear(c.blocked)
		}
		b = &blocked{pause: blockFirst / 2}
		c.blocked[name] = b
	}
	b.err, b.pause = said, min(2*b.pause, blockMost)
	b.until = time.Now().Add(b.pause)
}

// blocks returns why nothing is sent to a destination now, or nil. c.mu is held.
func (c *Client) blocks(destination string) error {
	if len(c.blocked) == 0 {
		return nil
	}
	b := c.blocked[exchangeOf(destination)]
	if b == nil || !time.Now().Before(b.until) {
		return nil
	}
	return fmt.Errorf("message to %s refused, it would break the connection: %w", destination, b.err)
}

var exchangeName = regexp.MustCompile(`exchange '([^']+)'`)

// exchangeIn returns the exchange that RabbitMQ complains of, "" for none.
func exchangeIn(e *ServerError) string {
	if m := exchangeName.FindStringSubmatch(e.Message + " " + e.Detail); m != nil {
		return m[1]
	}
	return ""
}

// exchangeOf returns the exchange behind a destination of RabbitMQ.
func exchangeOf(destination string) string {
	if rest, ok := strings.CutPrefix(destination, "/exchange/"); ok {
		name, _, _ := strings.Cut(rest, "/")
		return name
	}
	if strings.HasPrefix(destination, "/topic/") {
		return "amq.topic"
	}
	return "amq.default" // queues of any kind
}
