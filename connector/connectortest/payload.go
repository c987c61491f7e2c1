package connectortest

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"time"

	"mcollective/connector"
)

func headers(s *suite) {
	node, client := s.connect("node"), s.connect("client")
	in := s.subscribe(node, s.toAgent("discovery"))
	want := map[string]string{
		"mc_sender": s.identity("client"),
		"x-text":    `colon: and back\slash, "quotes" and ümlaut`,
		"X-Case":    "kept",
	}
	s.send(client, s.toAgent("discovery"), connector.Message{Data: []byte("body"), Headers: want})
	s.publish(client, s.toAgent("discovery"), "bare")
	got := s.want(in, "body", "bare")
	for k, v := range want {
		if got[0].Headers[k] != v {
			s.Errorf("header %s arrived as %q, want %q", k, got[0].Headers[k], v)
		}
		if stray, ok := got[1].Headers[k]; ok && k != "mc_sender" {
			s.Errorf("header %s: %q on a message that has none", k, stray)
		}
	}
	// Headers that the protocol cannot carry must not become others.
	evil := map[string]string{"x-a": "1\r\nx-injected: yes", "x-b\nx-injected": "yes"}
	for k, v := range evil {
		err := client.Publish(s.ctx, s.toAgent("discovery"), connector.Message{Data: []byte("evil"), Headers: map[string]string{k: v}})
		s.publish(client, s.toAgent("discovery"), "fence")
		if err == nil {
			if d := s.want(in, "evil")[0]; d.Headers["x-injected"] != "" {
				s.Errorf("header %q: %q became another: %v", k, v, d.Headers)
			}
		}
		s.want(in, "fence")
	}
}

func timeToLive(s *suite) {
	node, client := s.connect("node"), s.connect("client")
	in := s.subscribe(node, s.toNode("node"))
	replies := s.subscribe(client, s.forReplies("discovery"))
	s.send(client, s.toNode("node"), connector.Message{Data: []byte("fresh"), TTL: time.Minute, ReplyTo: replies.Address()})
	d := s.want(in, "fresh")[0]
	s.send(node, connector.Target{Kind: connector.Reply, Address: d.ReplyTo}, connector.Message{Data: []byte("answer"), TTL: time.Second})
	s.want(replies, "answer")
}

// blob is n bytes with every value among them, different for each n.
func blob(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8 + n)
	}
	return b
}

func sizes(s *suite) {
	node, client := s.connect("node"), s.connect("client")
	in := s.subscribe(node, s.toAgent("discovery"))
	largest := s.h.MaxPayload
	if largest == 0 {
		largest = 256 << 10
	}
	for _, n := range []int{0, 1, 2, 255, 256, 4095, 4096, 4097, 32 << 10, 64<<10 + 1, largest / 2, largest - 1, largest} {
		if n > largest {
			continue
		}
		data := blob(n)
		s.send(client, s.toAgent("discovery"), connector.Message{Data: data})
		if got := s.take(in, 1)[0].Data; !bytes.Equal(got, data) {
			s.Fatalf("%d bytes arrived as %d others", n, len(got))
		}
	}
	for _, text := range []string{"", "\n", "\x00", "\n\n\x00\n", "MSG x 1 1\r\n", "\x00SEND\n\n\x00", "-ERR\r\n", "\xff\xfe"} {
		s.publish(client, s.toAgent("discovery"), text)
		s.want(in, text)
	}
}

func tooLarge(s *suite) {
	if s.h.MaxPayload == 0 {
		s.Skip("the harness's broker has no limit")
	}
	node, client := s.connect("node"), s.connect("client")
	in := s.subscribe(node, s.toAgent("discovery"))
	err := client.Publish(s.ctx, s.toAgent("discovery"), connector.Message{Data: blob(s.h.MaxPayload + 4<<10)})
	if !errors.Is(err, connector.ErrTooLarge) {
		s.Fatalf("publishing %d bytes: got %v, want ErrTooLarge", s.h.MaxPayload+4<<10, err)
	}
	for _, size := range []int{s.h.MaxPayload + 4<<10} {
		if !bytes.Contains([]byte(err.Error()), []byte(fmt.Sprint(size))) {
			s.Errorf("the error does not tell the size %d: %v", size, err)
		}
	}
	s.publish(client, s.toAgent("discovery"), "still here")
	s.want(in, "still here")
	if st := client.Status(); !st.Connected || st.Reconnects != 0 {
		s.Errorf("the connection was lost: %+v", st)
	}
}

func dataNotKept(s *suite) {
	node, client := s.connect("node"), s.connect("client")
	in := s.subscribe(node, s.toAgent("discovery"))
	buf := make([]byte, 8)
	var want []string
	for i := range 200 {
		want = append(want, fmt.Sprintf("%08d", i))
		copy(buf, want[i])
		s.send(client, s.toAgent("discovery"), connector.Message{Data: buf})
		copy(buf, "XXXXXXXX")
	}
	s.want(in, want...)
}

func order(s *suite) {
	node := s.connect("node")
	in := s.subscribe(node, s.toAgent("discovery"))
	const publishers, each = 2, 1000
	var group sync.WaitGroup
	for p := range publishers {
		c := s.connect(fmt.Sprint("client", p))
		group.Go(func() {
			for i := range each {
				if err := c.Publish(s.ctx, s.toAgent("discovery"), connector.Message{Data: []byte{byte(p), byte(i >> 8), byte(i)}}); err != nil {
					s.Errorf("publisher %d: %v", p, err)
					return
				}
			}
		})
	}
	group.Wait()
	var next [publishers]int
	for _, d := range s.take(in, publishers*each) {
		p, i := int(d.Data[0]), int(d.Data[1])<<8|int(d.Data[2])
		if i != next[p] {
			s.Fatalf("publisher %d: message %d came when %d was next", p, i, next[p])
		}
		next[p]++
	}
	if in.overlap.Load() {
		s.Error("two calls of receive ran at once for one subscription")
	}
}

func concurrentPublishers(s *suite) {
	node, client := s.connect("node"), s.connect("client")
	in := s.subscribe(client, s.forReplies("discovery"))
	requests := s.subscribe(node, s.toNode("node"))
	s.send(client, s.toNode("node"), connector.Message{Data: []byte("go"), ReplyTo: in.Address()})
	to := connector.Target{Kind: connector.Reply, Address: s.want(requests, "go")[0].ReplyTo}
	const publishers, each = 8, 100
	var group sync.WaitGroup
	for p := range publishers {
		group.Go(func() {
			for i := range each {
				if err := node.Publish(s.ctx, to, connector.Message{Data: fmt.Appendf(nil, "%d/%d", p, i)}); err != nil {
					s.Errorf("publisher %d: %v", p, err)
					return
				}
				node.Status()
			}
		})
	}
	group.Go(func() {
		for i := range 20 {
			from := s.toAgent(fmt.Sprintf("passing%c", 'a'+i))
			sub, err := node.Subscribe(s.ctx, from, func(connector.Delivery) {})
			if err != nil {
				s.Errorf("subscribe: %v", err)
				return
			}
			if err := sub.Close(); err != nil {
				s.Errorf("unsubscribe: %v", err)
			}
		}
	})
	group.Wait()
	seen := map[string]bool{}
	for _, d := range s.take(in, publishers*each) {
		seen[string(d.Data)] = true
	}
	if len(seen) != publishers*each {
		s.Errorf("%d different messages came of %d", len(seen), publishers*each)
	}
}

func manyReplies(s *suite) {
	client := s.connect("client")
	in := s.subscribe(client, s.forReplies("discovery"))
	const nodes, each = 10, 1000
	var conns []connector.Connector
	var requests []*inbox
	for i := range nodes {
		conns = append(conns, s.connect(fmt.Sprint("node", i)))
		requests = append(requests, s.subscribe(conns[i], s.toAgent("discovery")))
	}
	s.send(client, s.toAgent("discovery"), connector.Message{Data: []byte("all"), ReplyTo: in.Address()})
	var group sync.WaitGroup
	for i, c := range conns {
		to := connector.Target{Kind: connector.Reply, Address: s.want(requests[i], "all")[0].ReplyTo}
		group.Go(func() {
			for j := range each {
				if err := c.Publish(s.ctx, to, connector.Message{Data: fmt.Appendf(nil, "%0200d", i*each+j)}); err != nil {
					s.Errorf("node %d: %v", i, err)
					return
				}
			}
		})
	}
	group.Wait()
	seen := map[string]bool{}
	for _, d := range s.take(in, nodes*each) {
		seen[string(d.Data)] = true
	}
	if len(seen) != nodes*each {
		s.Errorf("%d different replies came of %d", len(seen), nodes*each)
	}
	if n := client.Status().Dropped; n != 0 {
		s.Errorf("%d replies were dropped", n)
	}
}
