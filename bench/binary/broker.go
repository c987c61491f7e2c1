package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// startBroker runs mco broker on a free port and reads from its words which.
func startBroker(ctx context.Context, mco string) (address string, stop func(), err error) {
	cmd := exec.CommandContext(ctx, mco, "broker", "--listen", "127.0.0.1:0")
	var out syncBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() { cmd.Process.Signal(os.Interrupt); cmd.Wait() }
	for range 200 {
		time.Sleep(25 * time.Millisecond)
		if i := strings.Index(out.String(), "nats://127.0.0.1:"); i >= 0 {
			return strings.TrimRight(strings.Fields(out.String()[i:])[0], ".,;"), stop, nil
		}
	}
	stop()
	return "", nil, fmt.Errorf("mco broker does not say where it listens: %s", out.String())
}

// A syncBuffer takes a child's output while others look at it.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
