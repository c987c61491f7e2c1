// Package stomptest is a STOMP broker in memory for tests.
//
// It has the manners of ActiveMQ or of RabbitMQ as far as MCollective meets
// them: topics, queues with a selector on mc_identity, exchanges with routing
// keys, temporary reply queues, receipts, heart-beats, and each one's way to
// refuse. It can be stopped and started at the same address, and used without a
// network through [Broker.Dial].
package stomptest

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"sync"
	"time"

	"mcollective/stomp"
)

// A Flavor is the broker to imitate.
type Flavor int

const (
	// ActiveMQ knows /topic and /queue; it answers a refused frame with its
	// receipt-id and stays connected.
	ActiveMQ Flavor = iota
	// RabbitMQ knows /exchange, /temp-queue, /reply-queue and /queue; it closes
	// the connection after each ERROR and does not say which frame it is about.
	RabbitMQ
)

// Options say how the broker behaves.
type Options struct {
	Flavor          Flavor
	Login, Passcode string          // required of clients unless both are empty
	HangUp          bool            // close the connection of a refused login or a large frame without an ERROR
	Versions        []stomp.Version // in order of preference. Default 1.2, 1.1, 1.0
	Sends, Wants    time.Duration   // heart-beats. Default none
	TLS             *tls.Config     // of the listener
	Exchanges       []string        // RabbitMQ: those that exist. Default any

	// MaxFrame is how many bytes a frame may have. The connection of a larger one
	// is cut in the middle of it, after an ERROR unless HangUp is set. Default no limit.
	MaxFrame int

	// Refuse returns the message of the ERROR that a frame is answered with, ""
	// to serve it.
	Refuse func(f *stomp.Frame) string
}

// A Broker serves connections until it is stopped.
type Broker struct {
	opts Options

	mu        sync.Mutex
	listener  net.Listener
	addr      string
	stopped   bool
	conns     map[*conn]bool
	topics    map[string][]*subscription // topics and exchange/key pairs
	queues    map[string]*queue
	received  []stomp.Frame
	logins    int
	cuts      int
	serial    int
	listening sync.WaitGroup
}

// New returns a broker that serves Dial but does not listen yet.
func New(o Options) *Broker {
	if len(o.Versions) == 0 {
		o.Versions = []stomp.Version{stomp.V12, stomp.V11, stomp.V10}
	}
	b := &Broker{opts: o}
	b.reset()
	return b
}

func (b *Broker) reset() {
	b.conns, b.topics, b.queues = map[*conn]bool{}, map[string][]*subscription{}, map[string]*queue{}
}

// Start listens on 127.0.0.1, at the same port as before if it did before, and
// lets Dial succeed again.
func (b *Broker) Start() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	addr := b.addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	b.addr = l.Addr().String()
	if b.opts.TLS != nil {
		l = tls.NewListener(l, b.opts.TLS)
	}
	b.listener, b.stopped = l, false
	b.listening.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b.serve(c)
		}
	})
	return nil
}

// Addr returns the host:port of the listener.
func (b *Broker) Addr() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.addr
}

// Dial connects without a network. It has the type of stomp.Options.Dial.
func (b *Broker) Dial(_ context.Context, _, addr string) (net.Conn, error) {
	b.mu.Lock()
	stopped := b.stopped
	b.mu.Unlock()
	if stopped {
		return nil, &net.AddrError{Err: "connection refused", Addr: addr}
	}
	ours, theirs := net.Pipe()
	b.serve(ours)
	return theirs, nil
}

// Allow ends the refusals of Options.Refuse.
func (b *Broker) Allow() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.opts.Refuse = nil
}

// Stop closes the listener and all connections and forgets all messages.
func (b *Broker) Stop() {
	b.mu.Lock()
	b.stopped = true
	l := b.listener
	b.listener = nil
	b.mu.Unlock()
	if l != nil {
		l.Close()
	}
	b.listening.Wait()
	b.Drop()
	b.mu.Lock()
	b.reset()
	b.mu.Unlock()
}

// Resume lets Dial succeed again after Stop.
func (b *Broker) Resume() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped = false
}

// Drop breaks all connections; new ones are welcome.
func (b *Broker) Drop() {
	b.mu.Lock()
	var all []*conn
	for c := range b.conns {
		all = append(all, c)
	}
	b.mu.Unlock()
	for _, c := range all {
		c.end()
		<-c.done
	}
}

// Frames returns the frames that were received so far, in order. Passcodes are
// kept.
func (b *Broker) Frames() []stomp.Frame {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.received)
}

// Logins returns how many CONNECT frames were received.
func (b *Broker) Logins() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.logins
}

// Cuts returns how many connections ended because of Options.MaxFrame.
func (b *Broker) Cuts() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cuts
}

func (b *Broker) serve(nc net.Conn) {
	c := newConn(b, nc)
	b.mu.Lock()
	if b.stopped {
		b.mu.Unlock()
		nc.Close()
		return
	}
	b.conns[c] = true
	b.mu.Unlock()
	go c.write()
	go c.read()
}
