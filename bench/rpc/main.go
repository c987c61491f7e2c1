// Command rpc measures SimpleRPC over NATS against the least that such a broker needs for it, the memory of the client, and mco find as a whole.
//
//	go run ./bench/rpc
//	go run ./bench/rpc -nodes 1000 -rounds 21
//
// Broker, nodes and client are processes of their own, as in a real collective.
// Two things are timed on the same broker, a round of the one after a round of the
// other, so that whatever else the machine does is shared by both.
//
//	raw   that many connections of nats.go; one message is published for all, or one
//	      for each, and each connection answers at once with bytes of the right length
//	ours  a swarm of that many full nodes; client.Run calls rpcutil ping with a fact
//	      filter that all nodes match, by a broadcast or each node directly, and
//	      decodes, checks and accounts for every reply
//
// A time is from before the request is made until all answers are in. The
// processor time is that of nodes, broker and client for one answer. Then
// rpcutil inventory is called, and the live memory of the client measured while
// the answers stream; and mco find -F, built as make does, is run as a command.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
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
	profile := flag.String("cpuprofile", "", "write CPU profiles to files whose names begin so")
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
	if err := run(context.Background(), nodes, *rounds, *profile); err != nil {
		fmt.Fprintln(os.Stderr, "rpc:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, counts []int, rounds int, profile string) error {
	broker, err := start(ctx, profile, "broker")
	if err != nil {
		return err
	}
	defer broker.Stop()
	request, reply, err := sizes()
	if err != nil {
		return err
	}
	if profile != "" {
		f, err := os.Create(profile + "-client.prof")
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	fmt.Printf("%s, %d processors; request %d bytes, reply %d bytes; median of %d rounds [first to last quartile]\n\n",
		runtime.Version(), runtime.NumCPU(), request, reply, rounds)
	fmt.Println("  nodes                          raw, ms                ours, ms  ratio   CPU/answer raw: nodes, broker, client      ours")
	for _, n := range counts {
		if err := measure(ctx, broker, n, rounds, request, reply, profile); err != nil {
			return fmt.Errorf("%d nodes: %w", n, err)
		}
	}
	return nil
}

// start starts a child, which writes a profile if there is a name for it.
func start(ctx context.Context, profile string, args ...string) (*child.Process, error) {
	if profile != "" {
		os.Setenv(child.ProfileVariable, profile+"-"+args[0]+".prof")
		defer os.Unsetenv(child.ProfileVariable)
	}
	return child.Start(ctx, args...)
}

func measure(ctx context.Context, broker *child.Process, n, rounds, request, reply int, profile string) error {
	address, number := broker.Greeting, strconv.Itoa(n)
	bare, err := start(ctx, profile, "raw", address, number, strconv.Itoa(reply))
	if err != nil {
		return err
	}
	defer bare.Stop()
	r, err := newRaw(address, n, request)
	if err != nil {
		return err
	}
	defer r.nc.Close()
	nodes, err := start(ctx, profile, "swarm", address, number)
	if err != nil {
		return err
	}
	defer nodes.Stop()
	o, err := newOurs(ctx, address, n)
	if err != nil {
		return err
	}
	defer o.conn.Close()
	for _, way := range []string{"broadcast", "direct"} {
		raw := &series{answers: n, nodes: bare, broker: broker, ask: func() error { return r.ask(way == "direct") }}
		ours := &series{answers: n, nodes: nodes, broker: broker, ask: func() error { return o.ask(ctx, way == "direct") }}
		if err := inTurn(rounds, raw, ours); err != nil {
			return err
		}
		fmt.Printf("%7d %-9s %23s %23s %5.2fx   %s   %s\n", n, way, quartiles(raw.times), quartiles(ours.times),
			quantile(ours.times, 0.5).Seconds()/quantile(raw.times, 0.5).Seconds(), raw.cpu(), ours.cpu())
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
