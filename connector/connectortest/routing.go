package connectortest

import (
	"fmt"

	"mcollective/connector"
)

func broadcast(s *suite) {
	one, two, three := s.connect("one"), s.connect("two"), s.connect("three")
	client := s.connect("client")
	to := s.toAgent("discovery")
	reached := []*inbox{s.subscribe(one, to), s.subscribe(two, to)}
	otherAgent := s.subscribe(three, s.toAgent("package"))
	elsewhere := to
	elsewhere.Collective = s.h.Collectives[1]
	otherCollective := s.subscribe(three, elsewhere)
	node := s.subscribe(three, s.toNode("three"))

	s.publish(client, to, "hello")
	s.publish(client, s.toAgent("package"), "fence")
	s.publish(client, elsewhere, "fence")
	s.publish(client, s.toNode("three"), "fence")
	s.publish(client, to, "again")
	for _, in := range reached {
		for _, d := range s.want(in, "hello", "again") {
			if d.Target != to {
				s.Errorf("delivered for %+v, want %+v", d.Target, to)
			}
		}
	}
	s.want(otherAgent, "fence")
	s.want(otherCollective, "fence")
	s.want(node, "fence")
}

func directed(s *suite) {
	one, two, client := s.connect("one"), s.connect("two"), s.connect("client")
	first, second := s.subscribe(one, s.toNode("one")), s.subscribe(two, s.toNode("two"))
	agent := s.subscribe(two, s.toAgent("discovery"))

	s.publish(client, s.toNode("one"), "for one")
	s.publish(client, s.toNode("two"), "for two")
	s.publish(client, s.toAgent("discovery"), "fence")
	if d := s.want(first, "for one")[0]; d.Target != s.toNode("one") {
		s.Errorf("delivered for %+v, want %+v", d.Target, s.toNode("one"))
	}
	s.want(second, "for two")
	s.want(agent, "fence")
	s.publish(client, s.toNode("one"), "fence")
	s.want(first, "fence")
}

func reply(s *suite) {
	node := s.connect("node")
	requests := s.subscribe(node, s.toAgent("discovery"))
	direct := s.subscribe(node, s.toNode("node"))
	type waiting struct {
		conn connector.Connector
		in   *inbox
	}
	var clients []waiting
	for i := range 2 {
		c := s.connect(fmt.Sprintf("client%d", i))
		clients = append(clients,
			waiting{c, s.subscribe(c, s.forReplies("discovery"))},
			waiting{c, s.subscribe(c, s.forReplies("package"))})
	}
	for i, c := range clients {
		if c.in.Address() == "" {
			s.Fatal("a reply subscription has no address")
		}
		text := fmt.Sprintf("request %d", i)
		s.send(c.conn, s.toAgent("discovery"), connector.Message{Data: []byte(text), ReplyTo: c.in.Address()})
		s.answer(node, s.want(requests, text)[0])
		s.send(c.conn, s.toNode("node"), connector.Message{Data: []byte("direct " + text), ReplyTo: c.in.Address()})
		s.answer(node, s.want(direct, "direct "+text)[0])
	}
	// Every client finds its own two answers and nothing else before a third.
	for i, c := range clients {
		s.send(c.conn, s.toAgent("discovery"), connector.Message{Data: []byte("fence"), ReplyTo: c.in.Address()})
		s.answer(node, s.want(requests, "fence")[0])
		text := fmt.Sprintf("request %d", i)
		for _, d := range s.want(c.in, "re: "+text, "re: direct "+text, "re: fence") {
			if d.Target.Kind != connector.Reply {
				s.Errorf("reply delivered for %+v", d.Target)
			}
		}
	}
	if requests.Address() != "" {
		s.Errorf("a broadcast subscription has the address %q", requests.Address())
	}
}

// answer sends "re: " and the request's text to where the request wants it.
func (s *suite) answer(node connector.Connector, request connector.Delivery) {
	s.Helper()
	if request.ReplyTo == "" {
		s.Fatalf("request %.60q arrived without ReplyTo", request.Data)
	}
	to := connector.Target{Kind: connector.Reply, Address: request.ReplyTo}
	s.publish(node, to, "re: "+string(request.Data))
}

func collectives(s *suite) {
	node, client := s.connect("node"), s.connect("client")
	var to [2]connector.Target
	var in, direct [2]*inbox
	for i, name := range s.h.Collectives {
		to[i] = s.toAgent("discovery")
		to[i].Collective = name
		in[i] = s.subscribe(node, to[i])
		self := s.toNode("node")
		self.Collective = name
		direct[i] = s.subscribe(node, self)
	}
	for _, round := range []string{"first", "second"} {
		for i, name := range s.h.Collectives {
			s.publish(client, to[i], round+" "+name)
			self := s.toNode("node")
			self.Collective = name
			s.publish(client, self, round+" directed "+name)
		}
	}
	for i, name := range s.h.Collectives {
		for _, d := range s.want(in[i], "first "+name, "second "+name) {
			if d.Target != to[i] {
				s.Errorf("delivered for %+v, want %+v", d.Target, to[i])
			}
		}
		s.want(direct[i], "first directed "+name, "second directed "+name)
	}
}

func manySubscriptions(s *suite) {
	node, client := s.connect("node"), s.connect("client")
	targets := []connector.Target{s.toNode("node")}
	for i := range 20 {
		targets = append(targets, s.toAgent(fmt.Sprintf("agent%c", 'a'+i)))
	}
	var in []*inbox
	for _, to := range targets {
		in = append(in, s.subscribe(node, to))
	}
	for range 2 {
		for i, to := range targets {
			s.publish(client, to, fmt.Sprint("for ", i))
		}
	}
	for i, to := range targets {
		text := fmt.Sprint("for ", i)
		for _, d := range s.want(in[i], text, text) {
			if d.Target != to {
				s.Errorf("delivered for %+v, want %+v", d.Target, to)
			}
		}
	}
}

func ownMessages(s *suite) {
	c := s.connect("node")
	in := &inbox{arrived: make(chan struct{}, 1)}
	if _, err := c.Subscribe(s.ctx, s.toAgent("discovery"), in.receive); err != nil {
		s.Fatal(err)
	}
	s.publish(c, s.toAgent("discovery"), "to myself")
	s.want(in, "to myself")
}

// hostileNames subscribes as nodes and agents whose names mean something to one
// broker or another. Refusing them is as good as taking them literally.
func hostileNames(s *suite) {
	client, node := s.connect("client"), s.connect("node")
	proper := s.subscribe(node, s.toNode("victim"))
	agent := s.subscribe(node, s.toAgent("victim"))
	var caught []*inbox
	for _, name := range []string{
		"", "*", ">", "#", "a b", "a\tb", "a\nb", "a\r\nb", "a\x00b", ".", "a..b", ".a", "*.*.*.*", "victim.>",
		"x' OR '1'='1", "x' OR mc_identity <> '", "victim.case*.example.net", "/queue/x", "a:b\\c",
	} {
		for _, target := range []connector.Target{
			{Kind: connector.Directed, Collective: s.h.Collectives[0], Identity: name},
			{Kind: connector.Broadcast, Collective: s.h.Collectives[0], Agent: name},
		} {
			in := &inbox{arrived: make(chan struct{}, 1)}
			// Each on a connection of its own: a broker may end one that it finds rude.
			c := s.connect("rude")
			if _, err := c.Subscribe(s.ctx, target, in.receive); err != nil {
				if name == "" {
					continue
				}
				c.Close()
				continue
			} else if name == "" {
				s.Errorf("subscribed to %+v, which names nobody", target)
			}
			caught = append(caught, in)
		}
	}
	s.publish(client, s.toNode("victim"), "secret")
	s.publish(client, s.toAgent("victim"), "secret")
	s.want(proper, "secret")
	s.want(agent, "secret")
	s.flush(client)
	for _, in := range caught {
		if in.len() != 0 {
			s.Errorf("a subscription received what was for another: %+v", in.take(1)[0].Target)
		}
	}
	if err := client.Publish(s.ctx, connector.Target{Kind: connector.Directed, Identity: s.identity("victim")}, connector.Message{}); err == nil {
		s.Error("published without a collective")
	}
	if err := client.Publish(s.ctx, connector.Target{Kind: connector.Reply}, connector.Message{}); err == nil {
		s.Error("published a reply without an address")
	}
	if err := client.Publish(s.ctx, connector.Target{}, connector.Message{}); err == nil {
		s.Error("published to the zero target")
	}
}
