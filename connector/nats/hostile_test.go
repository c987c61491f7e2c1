package nats

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"

	"mcollective/connector"
	"mcollective/internal/waittest"
)

const info = `{"server_name":"mco-broker/test","server_id":"X","version":"2.12.0","proto":1,"headers":true,"max_payload":8388608}`

// scripted is a server that takes every client and then does as it is told. in is
// what the client still sends.
func scripted(t *testing.T, script func(conn net.Conn, in *bufio.Reader)) (address string) {
	t.Helper()
	return speaking(t, info, "PONG\r\n", script)
}

// speaking is a server that says of itself and answers to the login what it is told.
func speaking(t *testing.T, info, answer string, script func(conn net.Conn, in *bufio.Reader)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		group.Wait()
	})
	group.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, conn)
			mu.Unlock()
			group.Go(func() {
				defer conn.Close()
				fmt.Fprintf(conn, "INFO %s\r\n", info)
				in := bufio.NewReader(conn)
				for line := ""; line != "PING\r\n"; {
					if line, err = in.ReadString('\n'); err != nil {
						return
					}
				}
				if _, err := io.WriteString(conn, answer); err == nil && script != nil {
					script(conn, in)
				}
			})
		}
	})
	return l.Addr().String()
}

// alive answers a client's signs of life until it leaves.
func alive(conn net.Conn, in *bufio.Reader) {
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		if line == "PING\r\n" {
			io.WriteString(conn, "PONG\r\n")
		}
	}
}

// subscribed waits for a client's subscription and returns its number.
func subscribed(in *bufio.Reader) (subject, id string) {
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return "", ""
		}
		if words := strings.Fields(line); len(words) >= 3 && words[0] == "SUB" {
			return words[1], words[len(words)-1]
		}
	}
}

// heap is what the heap took of the machine.
func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapSys - m.HeapReleased
}

// TestHostileServer has a server claim and send what no memory holds, to a node and
// to a client. What it gets is a cut connection with a reason.
func TestHostileServer(t *testing.T) {
	endless := func(conn net.Conn, text string) {
		for range 256 << 20 / len(text) {
			if _, err := io.WriteString(conn, text); err != nil {
				return
			}
		}
	}
	kilobyte := strings.Repeat("x", 1<<10)
	for _, test := range []struct {
		name   string
		attack func(conn net.Conn, subject, id string)
		want   string
	}{
		{"a message of 2 GB", func(conn net.Conn, subject, id string) {
			fmt.Fprintf(conn, "MSG %s %s 2000000000\r\n", subject, id)
			endless(conn, kilobyte)
		}, "announced a message of 2000000000 bytes"},
		{"a message of 2 GB with a header", func(conn net.Conn, subject, id string) {
			fmt.Fprintf(conn, "HMSG %s %s reply 2000000000 2000000000\r\n", subject, id)
			endless(conn, kilobyte)
		}, "announced a message of 2000000000 bytes"},
		{"a size that overflows", func(conn net.Conn, subject, id string) {
			fmt.Fprintf(conn, "MSG %s %s 18446744073709551617\r\n", subject, id)
			endless(conn, kilobyte)
		}, "not the protocol of NATS"},
		{"a line without end", func(conn net.Conn, subject, id string) {
			fmt.Fprintf(conn, "MSG %s", subject)
			endless(conn, kilobyte)
		}, "a line of more than"},
		{"a description without end", func(conn net.Conn, _, _ string) {
			io.WriteString(conn, "INFO {")
			endless(conn, kilobyte)
		}, "a line of more than"},
		{"an error without end", func(conn net.Conn, _, _ string) {
			io.WriteString(conn, "-ERR '")
			endless(conn, kilobyte)
		}, "a line of more than"},
		{"a message longer than it says", func(conn net.Conn, subject, id string) {
			fmt.Fprintf(conn, "MSG %s %s 1\r\n%s", subject, id, kilobyte)
		}, "longer than it said"},
		{"another protocol", func(conn net.Conn, subject, id string) { io.WriteString(conn, "HTTP/1.1 200 OK\r\n") }, "not the protocol of NATS"},
		{"an error that the library takes for the end", func(conn net.Conn, _, _ string) { io.WriteString(conn, "-ERR 'go away for ever'\r\n") }, "go away for ever"},
	} {
		for _, to := range []connector.Target{
			{Kind: connector.Directed, Collective: "mcollective", Identity: "node"},
			{Kind: connector.Reply, Collective: "mcollective", Agent: "discovery"},
		} {
			t.Run(test.name+", "+to.Kind.String(), func(t *testing.T) {
				attacked := make(chan struct{}, 1000)
				server := scripted(t, func(conn net.Conn, in *bufio.Reader) {
					subject, id := subscribed(in)
					test.attack(conn, subject, id)
					attacked <- struct{}{}
					alive(conn, in)
				})
				c := connect(t, quick(Options{Servers: []string{server}, Identity: "node"}))
				runtime.GC()
				before := heap()
				if _, err := c.Subscribe(bounded(t), to, func(d connector.Delivery) { t.Errorf("received %d bytes", len(d.Data)) }); err != nil {
					t.Fatal(err)
				}
				waittest.Receive(t, "end of the attack", attacked)
				waittest.Until(t, "a second connection", func() bool { return c.Status().Reconnects > 0 })
				if took := int64(heap()) - int64(before); took > 64<<20 {
					t.Errorf("the attack took %d MiB", took>>20)
				}
				if err := c.Status().LastError; err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("the connection was lost for %v, want %q", err, test.want)
				}
			})
		}
	}
}

// Floods of what the library keeps: none of it may grow, and none ends the connection.
func TestHostileFloods(t *testing.T) {
	for _, test := range []struct {
		name string
		line func(i int) string
	}{
		{"refusals", func(i int) string { return fmt.Sprintf("-ERR 'Permissions Violation for Publish to \"%d\"'\r\n", i) }},
		{"servers of a cluster", func(i int) string {
			return fmt.Sprintf("INFO {\"max_payload\":8388608,\"connect_urls\":[\"%d.example.net:4222\"]}\r\n", i)
		}},
		{"signs of life", func(int) string { return "PONG\r\n" }},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := scripted(t, func(conn net.Conn, in *bufio.Reader) {
				subject, id := subscribed(in)
				out := bufio.NewWriter(conn)
				for i := range 50_000 {
					out.WriteString(test.line(i))
				}
				fmt.Fprintf(out, "MSG %s %s 5\r\nfence\r\n", subject, id)
				out.Flush()
				alive(conn, in)
			})
			var log syncBuffer
			c := connect(t, quick(Options{Servers: []string{server}, Identity: "node", Logger: slog.New(slog.NewTextHandler(&log, nil))}))
			got := make(chan string, 1)
			to := connector.Target{Kind: connector.Directed, Collective: "mcollective", Identity: "node"}
			if _, err := c.Subscribe(bounded(t), to, func(d connector.Delivery) { got <- string(d.Data) }); err != nil {
				t.Fatal(err)
			}
			waittest.Receive(t, "fence", got)
			if n := len(c.nc.Servers()); n != 1 {
				t.Errorf("%d servers are known", n)
			}
			if n := strings.Count(log.String(), "\n"); n > maxSayings+10 {
				t.Errorf("%d lines were logged", n)
			}
			if c.Status().Reconnects != 0 {
				t.Error("the connection was given up")
			}
		})
	}
}

// Messages that are possible, but too large for us, are left out one by one: cutting
// the connection would let anyone who may send one cut those of all nodes.
func TestTooLargeMessagesAreSkipped(t *testing.T) {
	server := scripted(t, func(conn net.Conn, in *bufio.Reader) {
		subject, id := subscribed(in)
		send := func(size int) {
			fmt.Fprintf(conn, "MSG %s %s %d\r\n%s\r\n", subject, id, size, bytes.Repeat([]byte("x"), size))
		}
		send(3)
		send(maxMessage + 1)
		send(2)
		fmt.Fprintf(conn, "HMSG %s %s %d %d\r\n%s\r\n", subject, id, maxHeader+1, maxHeader+2, bytes.Repeat([]byte("h"), maxHeader+2))
		send(maxMessage)
		send(1)
		alive(conn, in)
	})
	var log syncBuffer
	c := connect(t, quick(Options{Servers: []string{server}, Identity: "node", Logger: slog.New(slog.NewTextHandler(&log, nil))}))
	got := make(chan int, 10)
	to := connector.Target{Kind: connector.Directed, Collective: "mcollective", Identity: "node"}
	if _, err := c.Subscribe(bounded(t), to, func(d connector.Delivery) { got <- len(d.Data) }); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{3, 2, maxMessage, 1} {
		if n := waittest.Receive(t, "message", got); n != want {
			t.Errorf("received %d bytes, want %d", n, want)
		}
	}
	if st := c.Status(); st.Dropped != 2 || st.Reconnects != 0 {
		t.Errorf("status %+v, want 2 dropped and one connection", st)
	}
	if n := strings.Count(log.String(), "too large to be taken"); n != 1 {
		t.Errorf("said %d times: %s", n, &log)
	}
}

// A server that promises to take anything does not make us send what our peers
// would not read.
func TestLiesAboutTheLargestMessage(t *testing.T) {
	server := speaking(t, `{"version":"2.12.0","proto":1,"headers":true,"max_payload":9000000000000}`, "PONG\r\n",
		alive)
	c := connect(t, quick(Options{Servers: []string{server}, Identity: "node"}))
	to := connector.Target{Kind: connector.Directed, Collective: "mcollective", Identity: "node"}
	err := c.Publish(bounded(t), to, connector.Message{Data: make([]byte, maxMessage+1)})
	if !errors.Is(err, connector.ErrTooLarge) || !strings.Contains(err.Error(), "8388609") {
		t.Errorf("one byte too many: %v", err)
	}
	err = c.Publish(bounded(t), to, connector.Message{Data: make([]byte, maxMessage-10), Headers: map[string]string{"a": "long enough"}})
	if !errors.Is(err, connector.ErrTooLarge) {
		t.Errorf("a header too many: %v", err)
	}
}
