package nats

import (
	"fmt"

	gonats "github.com/nats-io/nats.go"
)

// What of the announcements of a broker may wait, in messages and bytes.
const (
	pendingAnnouncements     = 16
	pendingAnnouncementBytes = 16 << 20
)

// Servers returns the addresses of the servers that the options name, as host:port.
func (c *Conn) Servers() []string {
	all := make([]string, len(c.opts.Servers))
	for i, s := range c.opts.Servers {
		all[i] = hostPort(s)
	}
	return all
}

// Hear calls receive for each message on a subject of the broker itself, which is none of a collective, one call at a
// time, until the connection is closed. A broker that refuses it is logged.
func (c *Conn) Hear(subject string, receive func(data []byte)) error {
	sub, err := c.nc.Subscribe(subject, func(m *gonats.Msg) { receive(m.Data) })
	if err != nil {
		return fmt.Errorf("nats: hear %s: %w", subject, err)
	}
	if err := sub.SetPendingLimits(pendingAnnouncements, pendingAnnouncementBytes); err != nil {
		return fmt.Errorf("nats: hear %s: %w", subject, err)
	}
	return nil
}
