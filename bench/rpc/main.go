// Command rpc measures SimpleRPC over NATS against the least that such a broker needs for it, the memory of the client, and mco find as a whole.
//
//	go run ./bench/rpc
//	go run ./bench/rpc -nodes 1000 -rounds 21
//
// Broker, nodes and client are processes of their own, as in a real collective.
// Two things are timed, in turn and on the same broker.
//
//	raw   that many connections of nats.go; one message is published for all, or one
//	      for each, and each connection answers at once with bytes of the right length
//	ours  a swarm of that many full nodes; client.Run calls rpcutil ping with a fact
//	      filter that all nodes match, by a broadcast or each node directly, and
//	      decodes, checks and accounts for every reply
//
// A time is from before the request is made until all answers are in. Then
// rpcutil inventory is called, and the live memory of the client measured while
// the answers stream; and mco find -F, built as make does, is run as a command.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"mcollective/bench/child"
)

const (
	warmup   = 3
	patience = 60 * time.Second
)

func main() {
	child.Main()
	counts := flag.String("nodes", "1000,5000", "numbers of nodes")
	rounds := flag.Int("rounds", 15, "timed rounds for each number")
	flag.Parse()
	var nodes []int
	for _, text := range strings.Split(*counts, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			fmt.Fprintf(os.Stderr, "-nodes %s: %q is not a number of nodes\n", *counts, text)
			os.Exit(2)
		}
		nodes = append(nodes, n)
	}
	if err := run(context.Background(), nodes, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "rpc:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, counts []int, rounds int) error {
	broker, err := child.Start(ctx, "broker")
	if err != nil {
		return err
	}
	defer broker.Stop()
	request, reply, err := sizes()
	if err != nil {
		return err
	}
	fmt.Printf("%s, %d processors; request %d bytes, reply %d bytes; median of %d rounds [first to last quartile]\n\n",
		runtime.Version(), runtime.NumCPU(), request, reply, rounds)
	fmt.Println("  nodes                          raw, ms                ours, ms  ratio")
	for _, n := range counts {
		raw, err := measureRaw(ctx, broker.Greeting, n, rounds, request, reply)
		if err != nil {
			return fmt.Errorf("%d connections: %w", n, err)
		}
		if err := measureOurs(ctx, broker.Greeting, n, rounds, raw); err != nil {
			return fmt.Errorf("%d nodes: %w", n, err)
		}
	}
	return nil
}

// The ways to ask.
var ways = []string{"broadcast", "direct"}

func measureRaw(ctx context.Context, address string, n, rounds, request, reply int) (map[string][]time.Duration, error) {
	nodes, err := child.Start(ctx, "raw", address, strconv.Itoa(n), strconv.Itoa(reply))
	if err != nil {
		return nil, err
	}
	defer nodes.Stop()
	r, err := newRaw(address, n, request)
	if err != nil {
		return nil, err
	}
	defer r.nc.Close()
	times := map[string][]time.Duration{}
	for _, way := range ways {
		if times[way], err = timed(rounds, func() error { return r.ask(way == "direct") }); err != nil {
			return nil, err
		}
	}
	return times, nil
}

func measureOurs(ctx context.Context, address string, n, rounds int, raw map[string][]time.Duration) error {
	nodes, err := child.Start(ctx, "swarm", address, strconv.Itoa(n))
	if err != nil {
		return err
	}
	defer nodes.Stop()
	o, err := newOurs(ctx, address, n)
	if err != nil {
		return err
	}
	defer o.conn.Close()
	for _, way := range ways {
		times, err := timed(rounds, func() error { return o.ask(ctx, way == "direct") })
		if err != nil {
			return err
		}
		fmt.Printf("%7d %-9s %23s %23s %5.2fx\n", n, way, quartiles(raw[way]), quartiles(times),
			quantile(times, 0.5).Seconds()/quantile(raw[way], 0.5).Seconds())
	}
	if err := o.memory(ctx); err != nil {
		return err
	}
	return find(ctx, address, n, rounds)
}

// timed does something again and again.
func timed(rounds int, do func() error) ([]time.Duration, error) {
	var times []time.Duration
	for i := range warmup + rounds {
		began := time.Now()
		if err := do(); err != nil {
			return nil, err
		}
		if i >= warmup {
			times = append(times, time.Since(began))
		}
	}
	return times, nil
}

func quantile(d []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(d))
	return sorted[int(q*float64(len(sorted)-1)+0.5)]
}

func quartiles(d []time.Duration) string {
	ms := func(q float64) float64 { return float64(quantile(d, q).Microseconds()) / 1000 }
	return fmt.Sprintf("%.2f [%.2f-%.2f]", ms(0.5), ms(0.25), ms(0.75))
}
