// Command stomp measures what a STOMP broker alone costs: one message reaches N
// subscribers of a topic, each on a connection of its own, each answers to one
// queue, and the clock stops at the last answer.
//
// With -ours each line also has the client package and a swarm of that many full
// nodes, on the same broker and like the baseline in this one process.
//
// In the baseline nothing is decoded, signed or filtered and the frames are prepared, so no
// client of MCollective can be faster over the same broker; "mco ping" is
// measured against it.
//
//	go run ./bench/stomp -addr 127.0.0.1:61613 -n 1,100,1000 -rounds 20 -ours
//	go run ./bench/stomp -addr 127.0.0.1:61713 -rabbitmq -vhost /mcollective
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"mcollective/stomp"
)

// settings are the flags.
type settings struct {
	addr, vhost, login, passcode string
	topic, replies               string
	warm, rounds                 int
	request, reply               int
	wait                         time.Duration
	rabbit, compare              bool
}

func main() {
	var s settings
	flag.StringVar(&s.addr, "addr", "127.0.0.1:61613", "broker")
	flag.StringVar(&s.login, "login", "mcollective", "user")
	flag.StringVar(&s.passcode, "passcode", "marionette", "password")
	flag.StringVar(&s.vhost, "vhost", "mcollective", "virtual host")
	sizes := flag.String("n", "1,100,1000", "subscribers, one measurement each")
	flag.IntVar(&s.warm, "warm", 5, "rounds before the clock is looked at")
	flag.IntVar(&s.rounds, "rounds", 20, "rounds")
	flag.IntVar(&s.request, "request", 372, "bytes of a request; those of a ping by default")
	flag.IntVar(&s.reply, "reply", 195, "bytes of a reply")
	flag.DurationVar(&s.wait, "wait", 30*time.Second, "how long a round may take")
	flag.BoolVar(&s.rabbit, "rabbitmq", false, "use RabbitMQ's destinations")
	flag.BoolVar(&s.compare, "ours", false, "measure mco ping, too")
	flag.Parse()

	s.topic, s.replies = "/topic/mcollective.bench.agent", fmt.Sprintf("/queue/mcollective.reply.bench_%d.1", os.Getpid())
	if s.rabbit {
		s.topic, s.replies = "/exchange/mcollective_broadcast/bench", fmt.Sprintf("/exchange/mcollective_reply/bench_%d", os.Getpid())
	}
	fmt.Printf("%8s  %12s  %12s  %12s  %10s", "nodes", "first", "all", "slowest", "replies/s")
	if s.compare {
		fmt.Printf("  %12s  %s", "ours", "ratio")
	}
	fmt.Println()
	for text := range strings.SplitSeq(*sizes, ",") {
		n, err := strconv.Atoi(text)
		if err == nil {
			err = s.measure(n)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "stomp: %s nodes: %v\n", text, err)
			os.Exit(1)
		}
	}
}

// peer is a connection with nothing around it.
type peer struct {
	net.Conn
	r   *stomp.Reader
	out []byte
}

func (s *settings) connect() (*peer, error) {
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		return nil, err
	}
	p := &peer{Conn: c, r: stomp.NewReader(c, stomp.V10, stomp.Limits{})}
	f := stomp.Frame{Command: stomp.Connect, Header: stomp.Header{{Name: "accept-version", Value: "1.1"}, {Name: "host", Value: s.vhost},
		{Name: "login", Value: s.login}, {Name: "passcode", Value: s.passcode}}}
	if err := p.write(&f); err != nil {
		return nil, err
	}
	if err := p.expect(stomp.Connected, &f); err != nil {
		return nil, err
	}
	p.r.SetVersion(stomp.V11)
	return p, nil
}

func (p *peer) write(f *stomp.Frame) (err error) {
	if p.out, err = stomp.AppendFrame(p.out[:0], stomp.V11, f); err == nil {
		_, err = p.Write(p.out)
	}
	return err
}

func (p *peer) expect(command string, f *stomp.Frame) error {
	if err := p.r.Read(f); err != nil {
		return err
	}
	if f.Command != command {
		return fmt.Errorf("broker sent %s instead of %s: %s %s", f.Command, command, f.Header.Get("message"), f.Body)
	}
	return nil
}

func (p *peer) subscribe(destination string) error {
	f := stomp.Frame{Command: stomp.Subscribe, Header: stomp.Header{{Name: "destination", Value: destination}, {Name: "id", Value: "1"}, {Name: "receipt", Value: "1"}}}
	if err := p.write(&f); err != nil {
		return err
	}
	return p.expect(stomp.Receipt, &f)
}

// node answers every message until its connection ends.
func (p *peer) node(reply []byte) {
	var f stomp.Frame
	out := stomp.Frame{Command: stomp.Send, Header: make(stomp.Header, 1), Body: reply}
	for p.expect(stomp.Message, &f) == nil {
		out.Header[0] = stomp.Field{Name: "destination", Value: f.Header.Get("reply-to")}
		if p.write(&out) != nil {
			return
		}
	}
}

// measure prints one line of the table.
func (s *settings) measure(n int) error {
	raw, err := s.raw(n)
	if err == nil && s.compare {
		var ours time.Duration
		if ours, err = s.ours(n); err == nil {
			fmt.Printf("  %12s  %.2fx", ours.Round(time.Microsecond), ours.Seconds()/raw.Seconds())
		}
	}
	fmt.Println()
	return err
}

// raw measures the broker alone, and prints its part of a line.
func (s *settings) raw(n int) (median time.Duration, err error) {
	reply := bytes.Repeat([]byte{'r'}, s.reply)
	for range n {
		p, err := s.connect()
		if err != nil {
			return 0, err
		}
		defer p.Close()
		if err := p.subscribe(s.topic); err != nil {
			return 0, err
		}
		go p.node(reply)
	}
	client, err := s.connect()
	if err != nil {
		return 0, err
	}
	defer client.Close()
	if err := client.subscribe(s.replies); err != nil {
		return 0, err
	}
	request := stomp.Frame{Command: stomp.Send, Body: bytes.Repeat([]byte{'q'}, s.request),
		Header: stomp.Header{{Name: "destination", Value: s.topic}, {Name: "reply-to", Value: s.replies}}}
	var firsts, all []time.Duration
	for round := -s.warm; round < s.rounds; round++ {
		first, last, err := client.round(&request, n, s.wait)
		if err != nil {
			return 0, fmt.Errorf("round %d: %w", round, err)
		}
		if round >= 0 {
			firsts, all = append(firsts, first), append(all, last)
		}
	}
	slices.Sort(firsts)
	slices.Sort(all)
	median = all[len(all)/2]
	fmt.Printf("%8d  %12s  %12s  %12s  %10.0f", n, firsts[len(firsts)/2].Round(time.Microsecond),
		median.Round(time.Microsecond), all[len(all)-1].Round(time.Microsecond), float64(n)/median.Seconds())
	return median, nil
}

// round sends the request and waits for n answers.
func (p *peer) round(request *stomp.Frame, n int, wait time.Duration) (first, last time.Duration, err error) {
	if err := p.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return 0, 0, err
	}
	start := time.Now()
	if err := p.write(request); err != nil {
		return 0, 0, err
	}
	var f stomp.Frame
	for i := range n {
		if err := p.expect(stomp.Message, &f); err != nil {
			return 0, 0, errors.Join(fmt.Errorf("%d of %d replies came", i, n), err)
		}
		if i == 0 {
			first = time.Since(start)
		}
	}
	return first, time.Since(start), nil
}
