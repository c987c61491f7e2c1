package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/sys/unix"

	"mcollective/broker"
	"mcollective/connector"
	ours "mcollective/connector/nats"
	"mcollective/internal/swarm"
	"mcollective/security/psk"
)

// profileVariable is the environment variable that has a child write a CPU
// profile to the file it names.
const profileVariable = "BENCH_PING_PROFILE"

// usage is what a process has used.
type usage struct {
	CPU                  time.Duration
	Idle, Resident, Peak int // bytes: before it had nodes, now, and at most
}

// A process is a child and the line to it.
type process struct {
	cmd      *exec.Cmd
	in       io.WriteCloser
	out      *bufio.Scanner
	greeting string
}

// startChild runs this program as a broker or as nodes, and returns when it is
// ready.
func startChild(ctx context.Context, args ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args[0] = "child-" + args[0]
	p := &process{cmd: exec.CommandContext(ctx, self, args...)}
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewScanner(out)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if !p.out.Scan() {
		p.stop()
		return nil, fmt.Errorf("%s did not start", args[0])
	}
	p.greeting = p.out.Text()
	return p, nil
}

func (p *process) usage() (u usage, err error) {
	if _, err := fmt.Fprintln(p.in, "usage"); err != nil {
		return u, err
	}
	if !p.out.Scan() {
		return u, fmt.Errorf("%s has ended", p.cmd.Args[1])
	}
	return u, json.Unmarshal(p.out.Bytes(), &u)
}

func (p *process) stop() {
	p.in.Close()
	p.cmd.Wait()
}

// child is main in a child: it starts its part, says so, answers questions about
// its use of the machine, and ends with its input.
func child(args []string) error {
	idle := resident()
	greeting, stop, err := play(args)
	if err != nil {
		return err
	}
	defer stop()
	if name := os.Getenv(profileVariable); name != "" {
		f, err := os.Create(name)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	fmt.Println(greeting)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		u := usage{CPU: ownCPU(), Idle: idle, Resident: resident(), Peak: peak()}
		if err := json.NewEncoder(os.Stdout).Encode(u); err != nil {
			return err
		}
	}
	return nil
}

func play(args []string) (greeting string, stop func(), err error) {
	kind := strings.TrimPrefix(args[0], "child-")
	if kind == "broker" {
		b, err := broker.New(broker.Options{Listen: "127.0.0.1:0"})
		if err != nil {
			return "", nil, err
		}
		if err := b.Start(); err != nil {
			return "", nil, err
		}
		return b.ClientURL(), b.Stop, nil
	}
	address := args[1]
	n, err := strconv.Atoi(args[2])
	if err != nil {
		return "", nil, err
	}
	if kind == "swarm" {
		stop, err = playSwarm(address, n)
	} else {
		var size int
		if size, err = strconv.Atoi(args[3]); err == nil {
			stop, err = playRaw(address, n, size)
		}
	}
	runtime.GC()
	debug.FreeOSMemory()
	return "ready", stop, err
}

func playSwarm(address string, n int) (func(), error) {
	p, err := psk.New(psk.Options{Secret: secret, Identity: "swarm.example.net"})
	if err != nil {
		return nil, err
	}
	s, err := swarm.Start(context.Background(), swarm.Options{
		Nodes: n, Seed: seed, Security: p,
		Connect: func(ctx context.Context, identity string) (connector.Connector, error) {
			return ours.Connect(ctx, ours.Options{Servers: []string{address}, Identity: identity, Collectives: []string{"mcollective"}})
		},
	})
	if err != nil {
		return nil, err
	}
	return func() { s.Stop() }, nil
}

// playRaw is what no node can do without.
func playRaw(address string, n, size int) (func(), error) {
	conns := make([]*nats.Conn, n)
	errs := make(chan error, n)
	slots := make(chan struct{}, 64)
	var group sync.WaitGroup
	reply := make([]byte, size)
	for i := range conns {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			nc, err := nats.Connect(address)
			if err == nil {
				_, err = nc.Subscribe(rawSubject, func(m *nats.Msg) { nc.Publish(m.Reply, reply) })
			}
			if err == nil {
				err = nc.Flush()
			}
			conns[i] = nc
			errs <- err
		})
	}
	group.Wait()
	for range n {
		if err := <-errs; err != nil {
			return nil, err
		}
	}
	return func() {
		for _, nc := range conns {
			nc.Close()
		}
	}, nil
}

// ownCPU is the processor time that this process has used.
func ownCPU() time.Duration {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		panic(err) // for which there is no reason on any Unix
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// peak is the most memory that was ever resident. The kernel's own counter would
// begin with that of the process that started this one.
func peak() int {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	n, err := strconv.Atoi(fields[0])
	if err != nil {
		return 0
	}
	return n << 10
}

// resident is the resident memory of this process in bytes.
func resident() int {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	pages, err := strconv.Atoi(fields[1])
	if err != nil {
		return 0
	}
	return pages * os.Getpagesize()
}
