package connectortest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/goleak"

	"mcollective/connector"
)

func liveStatus(s *suite) {
	st := s.connect("node").Status()
	if !st.Connected || st.Reconnects != 0 || st.Dropped != 0 || st.LastError != nil {
		s.Errorf("a fresh connection says %+v", st)
	}
	if _, port, err := net.SplitHostPort(st.Server); err != nil || port == "" {
		s.Errorf("Server is %q, not host:port", st.Server)
	}
}

func unsubscribe(s *suite) {
	node, client := s.connect("node"), s.connect("client")
	gone, stays := s.subscribe(node, s.toAgent("discovery")), s.subscribe(node, s.toAgent("package"))
	s.publish(client, s.toAgent("discovery"), "before")
	s.want(gone, "before")
	if err := gone.Close(); err != nil {
		s.Fatalf("unsubscribe: %v", err)
	}
	s.flush(node)
	s.publish(client, s.toAgent("discovery"), "after")
	s.publish(client, s.toAgent("package"), "fence")
	s.want(stays, "fence")
	if gone.len() != 0 {
		s.Error("a message came after the subscription was closed")
	}
	again := s.subscribe(node, s.toAgent("discovery"))
	s.publish(client, s.toAgent("discovery"), "again")
	s.want(again, "again")
}

func unsubscribeInFlood(s *suite) {
	node, client := s.connect("node"), s.connect("client")
	var closed, late atomic.Bool
	first := make(chan struct{}, 1)
	sub, err := node.Subscribe(s.ctx, s.toAgent("discovery"), func(connector.Delivery) {
		if closed.Load() {
			late.Store(true)
		}
		select {
		case first <- struct{}{}:
		default:
		}
	})
	if err != nil {
		s.Fatal(err)
	}
	s.flush(node)
	for range 2000 {
		s.publish(client, s.toAgent("discovery"), "flood")
	}
	<-first
	if err := sub.Close(); err != nil {
		s.Fatalf("unsubscribe: %v", err)
	}
	closed.Store(true)
	fence := s.subscribe(node, s.toAgent("package"))
	s.publish(client, s.toAgent("package"), "fence")
	s.want(fence, "fence")
	if late.Load() {
		s.Error("receive was called after Close of the subscription returned")
	}
}

func deadContext(s *suite) {
	node, client := s.connect("node"), s.connect("client")
	in := s.subscribe(node, s.toAgent("discovery"))
	dead, cancel := context.WithCancel(s.ctx)
	cancel()
	if err := client.Publish(dead, s.toAgent("discovery"), connector.Message{Data: []byte("late")}); !errors.Is(err, context.Canceled) {
		s.Errorf("Publish says %v, want context.Canceled", err)
	}
	if _, err := client.Subscribe(dead, s.toAgent("package"), func(connector.Delivery) {}); !errors.Is(err, context.Canceled) {
		s.Errorf("Subscribe says %v, want context.Canceled", err)
	}
	if err := client.Flush(dead); !errors.Is(err, context.Canceled) {
		s.Errorf("Flush says %v, want context.Canceled", err)
	}
	if c, err := s.h.Connect(dead, s.identity("late")); err == nil {
		c.Close()
		s.Error("connected with a dead context")
	}
	s.publish(client, s.toAgent("discovery"), "alive")
	s.want(in, "alive")
}

func flush(s *suite) {
	node, client := s.connect("node"), s.connect("client")
	for i := range 20 {
		to := s.toAgent(fmt.Sprintf("agent%c", 'a'+i))
		in := &inbox{arrived: make(chan struct{}, 1)}
		if _, err := node.Subscribe(s.ctx, to, in.receive); err != nil {
			s.Fatal(err)
		}
		s.flush(node)
		s.publish(client, to, "seen")
		s.want(in, "seen")
	}
}

func closing(s *suite) {
	node := s.connect("node")
	in := s.subscribe(node, s.toNode("node"))
	before := goleak.IgnoreCurrent()
	for i := range 5 {
		client, err := s.h.Connect(s.ctx, s.identity(fmt.Sprint("client", i)))
		if err != nil {
			s.Fatal(err)
		}
		if _, err := client.Subscribe(s.ctx, s.forReplies("discovery"), func(connector.Delivery) {}); err != nil {
			s.Fatal(err)
		}
		for range 100 {
			s.publish(client, s.toNode("node"), "last words")
		}
		if err := client.Close(); err != nil {
			s.Errorf("Close: %v", err)
		}
		s.take(in, 100)
		if err := client.Publish(s.ctx, s.toNode("node"), connector.Message{}); !errors.Is(err, connector.ErrClosed) {
			s.Errorf("Publish after Close says %v, want ErrClosed", err)
		}
		if _, err := client.Subscribe(s.ctx, s.toNode("node"), func(connector.Delivery) {}); !errors.Is(err, connector.ErrClosed) {
			s.Errorf("Subscribe after Close says %v, want ErrClosed", err)
		}
		if err := client.Flush(s.ctx); !errors.Is(err, connector.ErrClosed) {
			s.Errorf("Flush after Close says %v, want ErrClosed", err)
		}
		if client.Status().Connected {
			s.Error("Status says connected after Close")
		}
		if err := client.Close(); err != nil && !errors.Is(err, connector.ErrClosed) {
			s.Errorf("second Close: %v", err)
		}
	}
	if err := goleak.Find(before); err != nil {
		s.Errorf("after Close: %v", err)
	}
}

func refused(s *suite) {
	if s.h.Refused == (connector.Target{}) {
		s.Skip("the harness's broker lets everybody subscribe to anything")
	}
	node, client := s.connect("node"), s.connect("client")
	before := s.subscribe(node, s.toAgent("discovery"))
	sub, err := node.Subscribe(s.ctx, s.h.Refused, func(connector.Delivery) { s.Error("a refused subscription received a message") })
	if err == nil {
		s.eventually("refusal told", func() bool { err = sub.Err(); return err != nil })
	}
	if !errors.Is(err, connector.ErrRefused) {
		s.Errorf("the refusal says %v, want ErrRefused", err)
	}
	for _, part := range []string{s.h.Refused.Collective, s.h.Refused.Agent + s.h.Refused.Identity} {
		if !strings.Contains(fmt.Sprint(err), part) {
			s.Errorf("the refusal does not say of what: %q is not in %v", part, err)
		}
	}
	after := s.subscribe(node, s.toAgent("package"))
	// A broker may have cut the connection, and what is published meanwhile is
	// nobody's.
	s.eventually("connected again", func() bool { return node.Status().Connected })
	s.flush(node)
	s.publish(client, s.toAgent("discovery"), "one")
	s.publish(client, s.toAgent("package"), "two")
	s.want(before, "one")
	s.want(after, "two")
	for _, in := range []*inbox{before, after} {
		if err := in.Err(); err != nil {
			s.Errorf("a subscription that stands says %v", err)
		}
	}
	if sub != nil {
		if err := sub.Close(); err != nil {
			s.Errorf("close of a refused subscription: %v", err)
		}
	}
	s.flush(node)
}

func restarts(s *suite) {
	if s.h.Stop == nil || s.h.Start == nil {
		s.Skip("the harness cannot restart its broker")
	}
	node, client := s.connect("node"), s.connect("client")
	to := s.toAgent("discovery")
	requests, direct := s.subscribe(node, to), s.subscribe(node, s.toNode("node"))
	replies := s.subscribe(client, s.forReplies("discovery"))
	closed := s.subscribe(node, s.toAgent("package"))
	if err := closed.Close(); err != nil {
		s.Fatal(err)
	}
	for round := range 3 {
		was := [2]uint64{node.Status().Reconnects, client.Status().Reconnects}
		s.h.Stop(s.T)
		s.eventually("loss noticed", func() bool { return !node.Status().Connected && !client.Status().Connected })
		if node.Status().LastError == nil {
			s.Error("Status has no LastError while the broker is away")
		}
		s.h.Start(s.T)
		for i, c := range []connector.Connector{node, client} {
			s.eventually("connected again", func() bool { return c.Status().Connected && c.Status().Reconnects > was[i] })
			s.flush(c)
		}
		text := fmt.Sprint("round ", round)
		s.send(client, to, connector.Message{Data: []byte(text), ReplyTo: replies.Address()})
		s.answer(node, s.want(requests, text)[0])
		s.want(replies, "re: "+text)
		s.publish(client, s.toAgent("package"), "for nobody")
		s.publish(client, s.toNode("node"), text)
		s.want(direct, text)
		if closed.len() != 0 {
			s.Error("a closed subscription came back after the restart")
		}
	}
}

func away(s *suite) {
	if s.h.Stop == nil || s.h.Start == nil {
		s.Skip("the harness cannot restart its broker")
	}
	client := s.connect("client")
	s.h.Stop(s.T)
	s.eventually("loss noticed", func() bool { return !client.Status().Connected })
	started := time.Now()
	ctx, cancel := context.WithTimeout(s.ctx, 100*time.Millisecond)
	defer cancel()
	if err := client.Flush(ctx); err == nil {
		s.Error("Flush succeeded without a broker")
	}
	// A few may be kept for later; without end they cannot be.
	var err error
	for i := 0; i < 1000 && err == nil; i++ {
		ctx, cancel := context.WithTimeout(s.ctx, 100*time.Millisecond)
		err = client.Publish(ctx, s.toAgent("discovery"), connector.Message{Data: blob(4 << 10)})
		cancel()
	}
	if err == nil {
		s.Error("4 MB were published without a broker")
	}
	if err := client.Close(); err != nil {
		s.Logf("Close without a broker: %v", err)
	}
	if took := time.Since(started); took > s.h.Patience {
		s.Errorf("without a broker it took %v to be told so", took)
	}
	s.h.Start(s.T)
}

func unreachable(s *suite) {
	if s.h.Dial == nil {
		s.Skip("the harness cannot connect elsewhere")
	}
	var servers []string
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			s.Fatal(err)
		}
		servers = append(servers, l.Addr().String())
		l.Close()
	}
	ctx, cancel := context.WithTimeout(s.ctx, 2*time.Second)
	defer cancel()
	started := time.Now()
	c, err := s.h.Dial(ctx, servers)
	if err == nil {
		c.Close()
		s.Fatal("connected to a server that does not exist")
	}
	if took := time.Since(started); took > 3*time.Second {
		s.Errorf("the error took %v, 2 s were given", took)
	}
	for _, server := range servers {
		if !strings.Contains(err.Error(), server) {
			s.Errorf("the error does not name %s: %v", server, err)
		}
	}
	if strings.Count(err.Error(), "refused") < len(servers) {
		s.Errorf("the error does not tell each server's cause: %v", err)
	}
}

func denied(s *suite) {
	if s.h.Denied == nil {
		s.Skip("the harness's broker takes everybody")
	}
	ctx, cancel := context.WithTimeout(s.ctx, s.h.Patience)
	defer cancel()
	started := time.Now()
	c, err := s.h.Denied(ctx)
	if err == nil {
		c.Close()
		s.Fatal("connected with a wrong password")
	}
	if took := time.Since(started); took > 5*time.Second {
		s.Errorf("the error took %v", took)
	}
	text := strings.ToLower(err.Error())
	for _, word := range []string{"password", "credentials", "authoriz", "authentic", "denied", "refused user"} {
		if strings.Contains(text, word) {
			return
		}
	}
	s.Errorf("the error does not say that the credentials are wrong: %v", err)
}
