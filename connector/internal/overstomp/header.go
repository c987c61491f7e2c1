package overstomp

import (
	"fmt"
	"slices"
	"strings"

	"mcollective/stomp"
)

// withHeaders adds what the security provider wants to travel. A field that
// STOMP, the broker or MCollective gives a meaning to cannot be set, but for
// mc_sender, which it may replace.
func withHeaders(h stomp.Header, extra map[string]string) (stomp.Header, error) {
	if len(extra) == 0 {
		return h, nil
	}
	names := make([]string, 0, len(extra))
	for name := range extra {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			return nil, fmt.Errorf("header name %.60q cannot be sent", name)
		}
		if name == "mc_sender" {
			if i := slices.IndexFunc(h, func(f stomp.Field) bool { return f.Name == name }); i >= 0 {
				h[i].Value = extra[name]
				continue
			}
		} else if reserved(name) {
			return nil, fmt.Errorf("header %.60q has a meaning of its own and cannot be sent", name)
		}
		h = append(h, stomp.Field{Name: name, Value: extra[name]})
	}
	return h, nil
}

// headers returns those fields of a received message that may be a security
// provider's, and mc_sender.
func headers(h stomp.Header) map[string]string {
	var m map[string]string
	for _, f := range h {
		if reserved(f.Name) {
			continue
		}
		if m == nil {
			m = make(map[string]string, 1)
		}
		if _, repeated := m[f.Name]; !repeated {
			m[f.Name] = f.Value
		}
	}
	return m
}

// reserved reports whether a field belongs to STOMP, to one of the brokers or to
// MCollective's addressing.
func reserved(name string) bool {
	switch name {
	case "destination", "content-length", "content-type", "reply-to", "message-id", "subscription", "timestamp", "expires",
		"expiration", "priority", "mc_identity", "receipt", "transaction", "selector", "id", "ack", "persistent", "redelivered",
		"correlation-id", "type", "originalDestination", "app-id", "cluster-id", "user-id", "amqp-message-id", "content-encoding",
		"delivery-mode", "exchange", "routing-key":
		return true
	}
	return strings.HasPrefix(name, "JMSX") || strings.HasPrefix(name, "AMQ_") || strings.HasPrefix(name, "x-death") ||
		strings.HasPrefix(name, "x-first-death") || strings.HasPrefix(name, "x-last-death")
}
