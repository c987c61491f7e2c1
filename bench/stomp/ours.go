package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"time"

	"mcollective/client"
	"mcollective/connector"
	"mcollective/connector/activemq"
	"mcollective/connector/rabbitmq"
	"mcollective/filter"
	"mcollective/internal/swarm"
	"mcollective/security/psk"
	"mcollective/stomp"
)

// dial connects to the broker as mco does.
func (s *settings) dial(ctx context.Context, identity string) (connector.Connector, error) {
	host, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	pool := stomp.Options{VHost: s.vhost, Servers: []stomp.Server{{Host: host, Port: n, Login: s.login, Passcode: s.passcode}}}
	if s.rabbit {
		return rabbitmq.Connect(ctx, rabbitmq.Options{Identity: identity, Stomp: pool})
	}
	return activemq.Connect(ctx, activemq.Options{Identity: identity, Stomp: pool})
}

// ours is measure with a swarm of full nodes and the client package: a request
// with a fact filter is made, decoded, checked and answered, and each reply is
// checked and accounted for.
func (s *settings) ours(n int) (median time.Duration, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	sec, err := psk.New(psk.Options{Secret: "the secret of a benchmark", Identity: "bench"})
	if err != nil {
		return 0, err
	}
	nodes, err := swarm.Start(ctx, swarm.Options{Nodes: n, Seed: 1, Security: sec, Connect: s.dial, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return 0, err
	}
	defer nodes.Stop()
	conn, err := s.dial(ctx, "bench")
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	c := client.New(conn, sec, client.Options{Identity: "bench", Collective: "mcollective"})
	ping := client.Call{Agent: "discovery", Body: "ping", Timeout: s.wait, Limit: n,
		Filter: filter.Filter{Facts: []filter.Fact{{Name: "hardwaremodel", Operator: "==", Value: "x86_64"}}}}
	var all []time.Duration
	for round := -s.warm; round < s.rounds; round++ {
		began := time.Now()
		res, err := c.Call(ctx, ping, func(client.Answer) {})
		if err != nil {
			return 0, err
		}
		if res.Replies != n {
			return 0, fmt.Errorf("round %d: %d of %d nodes answered", round, res.Replies, n)
		}
		if round >= 0 {
			all = append(all, time.Since(began))
		}
	}
	slices.Sort(all)
	return all[len(all)/2], nil
}
