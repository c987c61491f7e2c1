// Package child is what the benchmarks have in common: broker and nodes that run as processes of their own, as in a real collective.
//
// A benchmark's main calls [Main] first, and starts itself again with [Start].
package child

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

// ProfileVariable is the environment variable that has a child write a CPU
// profile to the file it names.
const ProfileVariable = "BENCH_PROFILE"

// Of all nodes and clients.
const (
	Secret = "the secret of a benchmark"
	Seed   = 1
)

// RawSubject is what the connections of a raw child listen to, besides
// RawSubject.N, with the number of the connection, each for itself.
const RawSubject = "raw.broadcast.agent.discovery"

// Usage is the resource usage of a process.
type Usage struct {
	CPU                  time.Duration
	Idle, Resident, Peak int // bytes: before it had nodes, now, and at most
}

// A Process is a child and the line to it.
type Process struct {
	Greeting string // what it said when it was ready; a broker gives its URL

	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

// Start runs this program as a broker ("broker"), as nodes ("swarm", URL, number)
// or as connections that answer whatever comes ("raw", URL, number, bytes), and
// returns when it is ready.
func Start(ctx context.Context, args ...string) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args = append([]string{"child-" + args[0]}, args[1:]...)
	p := &Process{cmd: exec.CommandContext(ctx, self, args...)}
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
		p.Stop()
		return nil, fmt.Errorf("%s did not start", args[0])
	}
	p.Greeting = p.out.Text()
	return p, nil
}

// Usage is what the child has used until now.
func (p *Process) Usage() (u Usage, err error) {
	if _, err := fmt.Fprintln(p.in, "usage"); err != nil {
		return u, err
	}
	if !p.out.Scan() {
		return u, fmt.Errorf("%s has ended", p.cmd.Args[1])
	}
	return u, json.Unmarshal(p.out.Bytes(), &u)
}

// Stop ends the child.
func (p *Process) Stop() {
	p.in.Close()
	p.cmd.Wait()
}

// Main is main in a child, and does nothing elsewhere: it starts its part, says so,
// answers questions about its use of the machine, and ends with its input.
func Main() {
	if len(os.Args) < 2 || !strings.HasPrefix(os.Args[1], "child-") {
		return
	}
	if err := serve(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func serve(args []string) error {
	idle := Resident()
	greeting, stop, err := play(args)
	if err != nil {
		return err
	}
	defer stop()
	if name := os.Getenv(ProfileVariable); name != "" {
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
		u := Usage{CPU: OwnCPU(), Idle: idle, Resident: Resident(), Peak: Peak()}
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
	p, err := psk.New(psk.Options{Secret: Secret, Identity: "swarm.example.net"})
	if err != nil {
		return nil, err
	}
	s, err := swarm.Start(context.Background(), swarm.Options{
		Nodes: n, Seed: Seed, Security: p,
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
				answer := func(m *nats.Msg) { nc.Publish(m.Reply, reply) }
				_, err = nc.Subscribe(RawSubject, answer)
				if err == nil {
					_, err = nc.Subscribe(RawSubject+"."+strconv.Itoa(i), answer)
				}
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

// OwnCPU is the processor time that this process has used.
func OwnCPU() time.Duration {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		panic(err) // for which there is no reason on any Unix
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// Peak is the most memory that was ever resident. The kernel's own counter would
// begin with that of the process that started this one.
func Peak() int {
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

// Resident is the resident memory of this process in bytes.
func Resident() int {
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
