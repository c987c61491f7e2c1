// Command agents measures what it costs to have work done by an agent, against the same work done without one.
//
//	go run ./bench/agents
//	go run ./bench/agents -rounds 500 -processes 1000
//
// Each pair is timed in turns, one of the one and one of the other, so that
// whatever else the machine does is shared by both.
//
//	one-shot  a program that is started for each call: bare it is fork, exec, the same
//	          bytes on its standard input, and reading what it prints
//	worker    a program that stays: bare the same process and the same two lines over
//	          a pair of pipes, without anything in between
//	status    the agents service and package against the program of the system that
//	          knows, started by us
//	list      the agent process against ps, with many processes, and a one-shot
//	          program among them
//
// Our time is that of the agent's Handler, with the judgement of the request, but
// without the broker and the message around it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"
)

const warmup = 5

func main() {
	if len(os.Args) == 2 && os.Args[1] == "child-worker" {
		serve(os.Stdin, os.Stdout)
		return
	}
	if len(os.Args) == 3 && os.Args[1] == "child-crowd" {
		if err := beCrowd(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, "agents:", err)
			os.Exit(1)
		}
		return
	}
	rounds := flag.Int("rounds", 200, "timed rounds of one-shot programs and of status")
	processes := flag.Int("processes", 1000, "processes to list, besides those that are there")
	service := flag.String("service", "dbus", "the service that is asked for")
	pack := flag.String("package", "bash", "the package that is asked for")
	flag.Parse()
	if err := measure(context.Background(), *rounds, *processes, *service, *pack); err != nil {
		fmt.Fprintln(os.Stderr, "agents:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, rounds, processes int, service, pack string) error {
	fmt.Printf("%d processors; median [quartiles]\n\n%-22s %-28s %-28s %s\n", runtime.NumCPU(), "", "bare", "agent", "difference")
	dir, err := os.MkdirTemp("", "bench-agents-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, pair := range []func() error{
		func() error { return oneShots(ctx, dir, rounds) },
		func() error { return workers(ctx, dir, rounds*20) },
		func() error { return statuses(ctx, rounds, service, pack) },
		func() error { return crowded(ctx, dir, max(10, rounds/10), processes) },
	} {
		if err := pair(); err != nil {
			return err
		}
	}
	return nil
}

// compare times two ways of doing the same thing, in turns.
func compare(name string, rounds int, bare, ours func() error) error {
	var times [2][]time.Duration
	for i := range warmup + rounds {
		for way, do := range []func() error{bare, ours} {
			began := time.Now()
			if err := do(); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if i >= warmup {
				times[way] = append(times[way], time.Since(began))
			}
		}
	}
	a, b := quantile(times[0], 0.5), quantile(times[1], 0.5)
	fmt.Printf("%-22s %-28s %-28s %+v (%.2fx)\n", name, quartiles(times[0]), quartiles(times[1]), (b - a).Round(time.Microsecond), b.Seconds()/a.Seconds())
	return nil
}

func quantile(d []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(d))
	return sorted[int(q*float64(len(sorted)-1)+0.5)]
}

func quartiles(d []time.Duration) string {
	ms := func(q float64) float64 { return float64(quantile(d, q).Nanoseconds()) / 1e6 }
	return fmt.Sprintf("%.3f [%.3f-%.3f] ms", ms(0.5), ms(0.25), ms(0.75))
}
