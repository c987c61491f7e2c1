package nats

import (
	"context"
	"errors"
	"fmt"
	"strings"

	gonats "github.com/nats-io/nats.go"

	"mcollective/connector"
	"mcollective/connector/nats/subject"
)

// Publish implements connector.Connector. The time to live has no place in
// NATS, which keeps nothing that could go stale.
func (c *Conn) Publish(ctx context.Context, to connector.Target, m connector.Message) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("nats: publish: %w", err)
	}
	var subj string
	var err error
	if to.Kind == connector.Reply {
		subj, err = to.Address, c.CheckReply(to.Address)
	} else {
		subj, err = subjectOf(to)
	}
	if err == nil && m.ReplyTo != "" && subject.ForbiddenAt(m.ReplyTo, true) >= 0 {
		err = fmt.Errorf("the address to reply to, %.100q, is not a subject", m.ReplyTo)
	}
	if err == nil {
		err = c.send(ctx, subj, m)
	}
	if err != nil {
		return fmt.Errorf("nats: publish: %w", err)
	}
	return nil
}

// send hands the message over, or waits until there is a connection to hand it
// to.
func (c *Conn) send(ctx context.Context, subj string, m connector.Message) error {
	h, err := header(m.Headers)
	if err != nil {
		return err
	}
	if size := len(m.Data) + headerSize(h); size > maxMessage {
		return fmt.Errorf("%w: %d bytes, and no peer takes more than %d", connector.ErrTooLarge, size, maxMessage)
	}
	var change <-chan struct{}
	for {
		switch {
		case h != nil:
			err = c.nc.PublishMsg(&gonats.Msg{Subject: subj, Reply: m.ReplyTo, Header: h, Data: m.Data})
		case m.ReplyTo != "":
			err = c.nc.PublishRequest(subj, m.ReplyTo, m.Data)
		default:
			err = c.nc.Publish(subj, m.Data)
		}
		switch {
		case err == nil:
			return nil
		case errors.Is(err, gonats.ErrMaxPayload):
			return fmt.Errorf("%w: %d bytes, and it takes %d", connector.ErrTooLarge, len(m.Data), c.nc.MaxPayload())
		case c.closed.Load():
			return connector.ErrClosed
		case !errors.Is(err, gonats.ErrReconnectBufExceeded):
			return err
		}
		if change == nil {
			// Asked for before the next attempt, so that no change goes unseen.
			change = c.nextChange()
			continue
		}
		select {
		case <-change:
			change = nil
		case <-ctx.Done():
			return fmt.Errorf("there is no connection to the broker: %w", context.Cause(ctx))
		}
	}
}

// headerSize returns what a header adds to a message.
func headerSize(h gonats.Header) int {
	if h == nil {
		return 0
	}
	n := len("NATS/1.0\r\n\r\n")
	for k, v := range h {
		n += len(k) + len(": \r\n") + len(v[0])
	}
	return n
}

// header turns headers into NATS's, or says why they cannot be carried. It is
// nil when there are none, since a message without any is cheaper everywhere.
func header(headers map[string]string) (gonats.Header, error) {
	if len(headers) == 0 {
		return nil, nil
	}
	h := make(gonats.Header, len(headers))
	for k, v := range headers {
		if k == "" || strings.ContainsFunc(k, func(r rune) bool { return r <= ' ' || r == ':' || r >= 0x7f }) {
			return nil, fmt.Errorf("header name %q cannot be sent", k)
		}
		if strings.ContainsAny(v, "\r\n\x00") || v != strings.TrimSpace(v) {
			return nil, fmt.Errorf("the value of header %s cannot be sent: it holds a line break or outer spaces", k)
		}
		h[k] = []string{v}
	}
	return h, nil
}
