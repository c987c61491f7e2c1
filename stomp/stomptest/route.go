package stomptest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"mcollective/stomp"
)

// subscription is where messages go: a client's name for it, and what of a
// queue it wants.
type subscription struct {
	c           *conn
	name        string
	tell        bool // put the name into messages
	destination string
	identity    string // the selector mc_identity = '...', "" for all
}

// queue keeps messages until somebody wants them.
type queue struct {
	consumers []*subscription
	next      int
	waiting   []*stomp.Frame
}

var selector = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^mc_identity = '([^']*)'$`)
})

func (s *subscription) wants(f *stomp.Frame) bool {
	return s.identity == "" || f.Header.Get("mc_identity") == s.identity
}

func (b *Broker) subscribe(c *conn, f *stomp.Frame) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := &subscription{c: c, name: c.name(f), tell: f.Header.Get("id") != "", destination: f.Header.Get("destination")}
	if c.subs[s.name] != nil {
		return fmt.Errorf("there is already a subscription %s", s.name)
	}
	if text := f.Header.Get("selector"); text != "" {
		m := selector().FindStringSubmatch(text)
		if m == nil {
			return fmt.Errorf("invalid selector: %s", text)
		}
		s.identity = m[1]
	}
	shared, err := b.check(s.destination)
	if err != nil {
		return err
	}
	c.subs[s.name] = s
	if !shared {
		b.topics[s.destination] = append(b.topics[s.destination], s)
		return nil
	}
	q := b.queue(s.destination)
	q.consumers = append(q.consumers, s)
	q.waiting = slices.DeleteFunc(q.waiting, func(f *stomp.Frame) bool {
		if !s.wants(f) {
			return false
		}
		b.deliver(s, f)
		return true
	})
	return nil
}

// check reports whether a destination exists and is a queue, of whose consumers
// only one receives each message.
func (b *Broker) check(destination string) (shared bool, err error) {
	kind, name, _ := strings.Cut(strings.TrimPrefix(destination, "/"), "/")
	switch {
	case name == "":
	case kind == "queue":
		return true, nil
	case b.opts.Flavor == ActiveMQ && kind == "topic":
		return false, nil
	case b.opts.Flavor == RabbitMQ && kind == "exchange":
		exchange, _, _ := strings.Cut(name, "/")
		if b.opts.Exchanges != nil && !slices.Contains(b.opts.Exchanges, exchange) {
			return false, fmt.Errorf("not_found: no exchange '%s' in vhost '/mcollective'", exchange)
		}
		return false, nil
	}
	return false, fmt.Errorf("unknown destination: %s", destination)
}

func (b *Broker) queue(name string) *queue {
	q := b.queues[name]
	if q == nil {
		q = &queue{}
		b.queues[name] = q
	}
	return q
}

func (b *Broker) unsubscribe(c *conn, name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := c.subs[name]; s != nil {
		b.drop(s)
	}
}

func (b *Broker) drop(s *subscription) {
	delete(s.c.subs, s.name)
	is := func(other *subscription) bool { return other == s }
	if list := slices.DeleteFunc(b.topics[s.destination], is); len(list) > 0 {
		b.topics[s.destination] = list
	} else {
		delete(b.topics, s.destination)
	}
	if q := b.queues[s.destination]; q != nil {
		q.consumers = slices.DeleteFunc(q.consumers, is)
	}
}

func (b *Broker) forget(c *conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range c.subs {
		b.drop(s)
	}
	for _, name := range c.temps {
		delete(b.queues, "/queue/"+name)
	}
	delete(b.conns, c)
}

func (b *Broker) send(c *conn, f *stomp.Frame) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	destination := f.Header.Get("destination")
	b.replyTo(c, f)
	if name, ok := strings.CutPrefix(destination, "/reply-queue/"); ok && b.opts.Flavor == RabbitMQ {
		destination = "/queue/" + name
		if b.queues[destination] == nil {
			return nil // the default exchange drops what it cannot route
		}
	}
	shared, err := b.check(destination)
	if err != nil {
		return err
	}
	if !shared {
		for _, s := range b.topics[destination] {
			b.deliver(s, f)
		}
		return nil
	}
	q := b.queue(destination)
	for range q.consumers {
		s := q.consumers[q.next%len(q.consumers)]
		q.next++
		if s.wants(f) {
			b.deliver(s, f)
			return nil
		}
	}
	q.waiting = append(q.waiting, f)
	return nil
}

// replyTo gives the sender the temporary queue that its reply-to asks for, and
// the receivers a name for it.
func (b *Broker) replyTo(c *conn, f *stomp.Frame) {
	if b.opts.Flavor != RabbitMQ {
		return
	}
	i := slices.IndexFunc(f.Header, func(h stomp.Field) bool { return h.Name == "reply-to" })
	if i < 0 || !strings.HasPrefix(f.Header[i].Value, "/temp-queue/") {
		return
	}
	temp := f.Header[i].Value
	if c.temps[temp] == "" {
		b.serial++
		c.temps[temp] = fmt.Sprintf("amq.gen-%d", b.serial)
		b.queue("/queue/" + c.temps[temp]).consumers = []*subscription{{c: c, name: temp, tell: true}}
	}
	f.Header[i].Value = "/reply-queue/" + c.temps[temp]
}

// deliver makes the MESSAGE of a SEND.
func (b *Broker) deliver(s *subscription, f *stomp.Frame) {
	h := make(stomp.Header, 0, len(f.Header)+3)
	if s.tell {
		h = h.Add("subscription", s.name)
	}
	b.serial++
	h = h.Add("message-id", "ID:stomptest:"+strconv.Itoa(b.serial))
	for _, field := range f.Header {
		if field.Name == "receipt" || field.Name == "content-length" {
			continue
		}
		if field.Name == "destination" && strings.HasPrefix(field.Value, "/reply-queue/") {
			field.Value = "/queue/" + strings.TrimPrefix(field.Value, "/reply-queue/")
		}
		h = append(h, field)
	}
	h = h.Add("content-length", "")
	s.c.put(&stomp.Frame{Command: stomp.Message, Header: h, Body: f.Body}, false)
}
