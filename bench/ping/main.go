// Command ping measures mco ping over NATS against the least that such a broker needs for it.
//
//	go run ./bench/ping
//	go run ./bench/ping -nodes 1000 -rounds 21 -cpuprofile /tmp/ping
//
// Three processes take part, as in a real collective: the broker, the nodes and
// the client. For each number of nodes two things are timed, in turn and on the
// same broker.
//
//	raw   that many connections of nats.go, each with one subscription; one message
//	      is published and each answers it at once with bytes of the right length
//	ours  a swarm of that many full nodes; the client package makes a request with
//	      a fact filter that all nodes match, publishes it, and decodes, checks and
//	      accounts for every reply
//
// In both, each question has an inbox of its own. A time is from before the request is made until all answers are in. The
// messages of raw are as long as those of ours, PSK and Marshal included. Then a
// single node is measured: processor time for each request, and a burst. With
// -cpuprofile, profiles of client and nodes are written to files with that
// prefix. Memory is resident memory of the process with the nodes alone.
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
	"mcollective/message"
	"mcollective/security/psk"
)

const warmup = 3

type settings struct {
	nodes   []int
	rounds  int
	burst   int
	profile string
}

func main() {
	child.Main()
	var s settings
	counts := flag.String("nodes", "1,100,1000,5000", "numbers of nodes")
	flag.IntVar(&s.rounds, "rounds", 15, "timed rounds for each number")
	flag.IntVar(&s.burst, "burst", 5000, "requests of the burst to one node")
	flag.StringVar(&s.profile, "cpuprofile", "", "write CPU profiles to files that begin with this")
	flag.Parse()
	for _, text := range strings.Split(*counts, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			fmt.Fprintf(os.Stderr, "-nodes %s: %q is not a number of nodes\n", *counts, text)
			os.Exit(2)
		}
		s.nodes = append(s.nodes, n)
	}
	if err := s.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "ping:", err)
		os.Exit(1)
	}
}

func (s *settings) run(ctx context.Context) error {
	broker, err := child.Start(ctx, "broker")
	if err != nil {
		return err
	}
	defer broker.Stop()
	address := broker.Greeting
	sizes, err := messageSizes()
	if err != nil {
		return err
	}
	if s.profile != "" {
		f, err := os.Create(s.profile + "-client.prof")
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
		runtime.Version(), runtime.NumCPU(), sizes.request, sizes.reply, s.rounds)
	fmt.Println("  nodes              raw, ms             ours, ms  ratio    CPU/answer raw, ours   of which nodes   memory/node")
	for _, n := range s.nodes {
		if err := s.compare(ctx, broker, sizes, n); err != nil {
			return fmt.Errorf("%d nodes: %w", n, err)
		}
	}
	return s.oneNode(ctx, address, sizes)
}

// sizes are the lengths of a request and its reply on the wire.
type sizes struct{ request, reply int }

// messageSizes makes one of each.
func messageSizes() (sizes, error) {
	p, err := psk.New(psk.Options{Secret: child.Secret, Identity: "client.example.net"})
	if err != nil {
		return sizes{}, err
	}
	r := request()
	q, err := p.EncodeRequest(context.Background(), r)
	if err != nil {
		return sizes{}, err
	}
	a, err := p.EncodeReply(context.Background(), r, &message.Reply{Sender: "web0001.ams.example.net", Body: "pong"})
	if err != nil {
		return sizes{}, err
	}
	return sizes{len(q.Data), len(a.Data)}, nil
}

func (s *settings) compare(ctx context.Context, broker *child.Process, size sizes, n int) error {
	address := broker.Greeting
	raw, err := s.measure(ctx, broker, "raw", n, func() (scatter, error) { return newRaw(address, size, n) }, strconv.Itoa(size.reply))
	if err != nil {
		return err
	}
	ours, err := s.measure(ctx, broker, "swarm", n, func() (scatter, error) { return newOurs(ctx, address, n) })
	if err != nil {
		return err
	}
	fmt.Printf("%7d %20s %20s %5.2fx %11s, %8s %7s, %6s %9s, %s\n", n, quartiles(raw.times), quartiles(ours.times),
		median(ours.times).Seconds()/median(raw.times).Seconds(),
		micros(raw.total), micros(ours.total), micros(raw.cpu), micros(ours.cpu), kib(raw.memory), kib(ours.memory))
	return nil
}

// A scatter asks all nodes and returns when all have answered.
type scatter interface {
	ask(ctx context.Context) error
	close()
}

// A figure is what came out of one series.
type figure struct {
	times  []time.Duration
	cpu    time.Duration // of one node for one request
	total  time.Duration // of broker and client too
	memory int           // of one node, in bytes
}

func (s *settings) measure(ctx context.Context, broker *child.Process, kind string, n int, start func() (scatter, error), args ...string) (figure, error) {
	if s.profile != "" {
		os.Setenv(child.ProfileVariable, fmt.Sprintf("%s-%s-%d.prof", s.profile, kind, n))
		defer os.Unsetenv(child.ProfileVariable)
	}
	nodes, err := child.Start(ctx, append([]string{kind, broker.Greeting, strconv.Itoa(n)}, args...)...)
	if err != nil {
		return figure{}, err
	}
	defer nodes.Stop()
	client, err := start()
	if err != nil {
		return figure{}, err
	}
	defer client.close()
	var f figure
	var before, others child.Usage
	for i := range warmup + s.rounds {
		if i == warmup {
			if before, err = nodes.Usage(); err != nil {
				return f, err
			}
			f.memory = (before.Resident - before.Idle) / n
			if others, err = broker.Usage(); err != nil {
				return f, err
			}
			others.CPU += child.OwnCPU()
		}
		began := time.Now()
		if err := client.ask(ctx); err != nil {
			return f, err
		}
		if i >= warmup {
			f.times = append(f.times, time.Since(began))
		}
	}
	after, err := nodes.Usage()
	if err != nil {
		return f, err
	}
	end, err := broker.Usage()
	answers := time.Duration(n * s.rounds)
	f.cpu = (after.CPU - before.CPU) / answers
	f.total = f.cpu + (end.CPU+child.OwnCPU()-others.CPU)/answers
	return f, err
}

func median(d []time.Duration) time.Duration { return quantile(d, 0.5) }

func quantile(d []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(d))
	return sorted[int(q*float64(len(sorted)-1)+0.5)]
}

func quartiles(d []time.Duration) string {
	ms := func(q float64) float64 { return float64(quantile(d, q).Microseconds()) / 1000 }
	return fmt.Sprintf("%.2f [%.2f-%.2f]", ms(0.5), ms(0.25), ms(0.75))
}

func micros(d time.Duration) string { return fmt.Sprintf("%.0f µs", float64(d.Nanoseconds())/1000) }
func kib(n int) string              { return fmt.Sprintf("%d KiB", n/1024) }
