// Command binary measures the mco binary itself: its size, how fast it starts, and what an idle and a busy node cost.
//
//	go run ./bench/binary
//
// It builds mco as make does, into a temporary directory. Start-up is the time on
// the clock of "mco version" as a whole process, beside that of true(1) in the
// same run. The node is "mco server" with its built-in facts and PSK over a NATS
// broker in another process, logging to a file at its default level; its memory
// is VmRSS, its processor time that of the kernel's accounting, over requests
// one after the other and all at once.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"mcollective/client"
	"mcollective/connector/nats"
	"mcollective/security/psk"
)

const (
	secret   = "the secret of a benchmark"
	starts   = 40
	idleFor  = 20 * time.Second
	requests = 5000
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench/binary:", err)
		os.Exit(1)
	}
}

func run() error {
	dir, err := os.MkdirTemp("", "bench-binary-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	mco := filepath.Join(dir, "mco")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", mco, "mcollective/cmd/mco")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build: %w", err)
	}
	info, err := os.Stat(mco)
	if err != nil {
		return err
	}
	fmt.Printf("size              %.1f MB\n", float64(info.Size())/1e6)
	if err := startup(mco); err != nil {
		return err
	}
	return node(dir, mco)
}

// startup times whole processes, the two programs in turn.
func startup(mco string) error {
	var ours, bare []time.Duration
	for range starts {
		for _, p := range []struct {
			args  []string
			times *[]time.Duration
		}{{[]string{mco, "version"}, &ours}, {[]string{"true"}, &bare}} {
			begin := time.Now()
			if err := exec.Command(p.args[0], p.args[1:]...).Run(); err != nil {
				return fmt.Errorf("%s: %w", p.args[0], err)
			}
			*p.times = append(*p.times, time.Since(begin))
		}
	}
	fmt.Printf("start-up          median %.1f ms, least %.1f ms (true: median %.1f ms), %d runs\n",
		ms(median(ours)), ms(slices.Min(ours)), ms(median(bare)), starts)
	return nil
}

func node(dir, mco string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	address, stop, err := startBroker(ctx, mco)
	if err != nil {
		return err
	}
	defer stop()
	cfg := filepath.Join(dir, "server.cfg")
	text := fmt.Sprintf("identity = bench\nplugin.nats.servers = %s\nplugin.psk = %s\nlogger_type = file\nlogfile = %s\n",
		address, secret, filepath.Join(dir, "node.log"))
	if err := os.WriteFile(cfg, []byte(text), 0o600); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, mco, "server", "--config", cfg, "--no-daemonize")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() { cmd.Process.Signal(os.Interrupt); cmd.Wait() }()

	ask, done, err := newClient(ctx, address)
	if err != nil {
		return err
	}
	defer done()
	for ask(ctx, 1) != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	time.Sleep(idleFor)
	pid := cmd.Process.Pid
	fmt.Printf("idle node         %.1f MB resident after %v\n", resident(pid)/1e6, idleFor)
	before := cpu(pid)
	for range requests {
		if err := ask(ctx, 1); err != nil {
			return err
		}
	}
	fmt.Printf("one after another %.0f µs of processor time a request, %d requests\n", us(cpu(pid)-before)/requests, requests)
	before = cpu(pid)
	if err := ask(ctx, requests); err != nil {
		return err
	}
	fmt.Printf("all at once       %.0f µs of processor time a request, %d requests; then %.1f MB resident\n",
		us(cpu(pid)-before)/requests, requests, resident(pid)/1e6)
	return nil
}

// newClient connects; ask sends a ping n times at once and waits for n answers.
func newClient(ctx context.Context, address string) (ask func(context.Context, int) error, done func(), err error) {
	conn, err := nats.Connect(ctx, nats.Options{Servers: []string{address}, Identity: "bench-client"})
	if err != nil {
		return nil, nil, err
	}
	sec, err := psk.New(psk.Options{Secret: secret, Identity: "bench-client"})
	if err != nil {
		return nil, nil, err
	}
	c := client.New(conn, sec, client.Options{Identity: "bench-client", Collective: "mcollective"})
	ping := client.Call{Agent: "discovery", Body: "ping", Timeout: 2 * time.Second, Limit: 1}
	ask = func(ctx context.Context, n int) error {
		if n == 1 {
			res, err := c.Call(ctx, ping, func(client.Answer) {})
			if err == nil && res.Replies == 0 {
				err = fmt.Errorf("no answer within %v", ping.Timeout)
			}
			return err
		}
		return burst(ctx, conn, sec, n)
	}
	return ask, func() { conn.Close() }, nil
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

func ms(d time.Duration) float64 { return d.Seconds() * 1e3 }
func us(d time.Duration) float64 { return d.Seconds() * 1e6 }

// cpu is the processor time a process has used, in the kernel's ticks of 10 ms.
func cpu(pid int) time.Duration {
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// resident is the resident memory of a process in bytes.
func resident(pid int) float64 {
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib * 1024
		}
	}
	return 0
}
