package stomp_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mcollective/stomp"
	"mcollective/stomp/stomptest"
)

// large is a body that no broker of these tests takes.
var large = bytes.Repeat([]byte("x"), 200<<10)

const limit = 100 << 10

// TestUndeliverable has a broker that cuts the connection in the middle of a
// message.
func TestUndeliverable(t *testing.T) {
	for name, silent := range map[string]bool{"with words": false, "without a word": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newBench(t, stomptest.Options{MaxFrame: limit, HangUp: silent})
				c := s.dial()
				in := s.subscribe(c, stomp.Listen{Destination: "/queue/a"})
				if err := c.Deliver(t.Context(), to("/queue/a"), large[:limit/2], false); err != nil {
					t.Fatal(err)
				}
				s.expect(in, string(large[:limit/2]))
				err := c.Deliver(t.Context(), to("/queue/a"), large, false)
				var e *stomp.UndeliverableError
				if !errors.As(err, &e) || e.Size != len(large) || e.Taken != limit/2 || e.Destination != "/queue/a" || e.Server != "broker.test:61613" {
					t.Fatalf("the sender hears %v", err)
				}
				if !silent && !strings.Contains(err.Error(), "maximum data length was exceeded") {
					t.Errorf("the broker's words are missing: %v", err)
				}
				if n := s.b.Cuts(); n != 2 {
					t.Errorf("the message was sent %d times", n)
				}
				time.Sleep(time.Minute)
				s.send(c, "/queue/a", "lives")
				s.expect(in, "lives")
				// What is as large is not tried again, what is smaller is.
				if err := c.Deliver(t.Context(), to("/queue/b"), large, true); !errors.As(err, &e) || e.Refused != len(large) {
					t.Errorf("the sender of another one hears %v", err)
				}
				if n := s.b.Cuts(); n != 2 {
					t.Errorf("large messages were sent %d times", n)
				}
				if err := c.Deliver(t.Context(), to("/queue/a"), large[:limit/2], false); err != nil {
					t.Error(err)
				}
				s.expect(in, string(large[:limit/2]))
				time.Sleep(time.Minute)
				if n := s.b.Logins(); n != 3 {
					t.Errorf("%d logins", n)
				}
				// A broker that was restarted may have another limit.
				s.b.Stop()
				s.b.Resume()
				if err := c.Flush(t.Context()); err != nil && !errors.Is(err, stomp.ErrLost) {
					t.Error(err)
				}
				if err := c.Deliver(t.Context(), to("/queue/b"), large, true); !errors.As(err, &e) || e.Refused != 0 {
					t.Errorf("after the restart the sender hears %v", err)
				}
				if n := s.b.Cuts(); n != 4 {
					t.Errorf("after the restart the broker refused %d times", n-2)
				}
			})
		})
	}
}

// TestNextBroker has a pool whose first broker does not take a message.
func TestNextBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t, stomptest.Options{MaxFrame: limit})
		second := stomptest.New(stomptest.Options{})
		t.Cleanup(second.Stop)
		s.opts.Servers = append(s.opts.Servers, stomp.Server{Host: "second.test"})
		s.opts.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if addr == "second.test:61613" {
				return second.Dial(ctx, network, addr)
			}
			return s.b.Dial(ctx, network, addr)
		}
		c := s.dial()
		in := s.subscribe(c, stomp.Listen{Destination: "/queue/a"})
		if err := c.Deliver(t.Context(), to("/queue/a"), large, false); err != nil {
			t.Fatal(err)
		}
		s.expect(in, string(large))
		if st := c.State(); st.Server != "second.test:61613" || s.b.Cuts() != 1 {
			t.Errorf("state %+v after %d tries at the first broker", st, s.b.Cuts())
		}
		// One that hangs is left for the other one, and back.
		for _, want := range []string{"broker.test:61613", "second.test:61613"} {
			s.b.Drop()
			second.Drop()
			synctest.Wait()
			time.Sleep(time.Second)
			if st := c.State(); !st.Connected || st.Server != want {
				t.Errorf("state %+v, want %s", st, want)
			}
		}
	})
}

// TestDeliverAndLoss loses connections that have nothing to do with the message.
func TestDeliverAndLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate, sends := make(chan bool), 0
		s := newBench(t, stomptest.Options{Flavor: stomptest.RabbitMQ, Refuse: func(f *stomp.Frame) string {
			if f.Command == stomp.Send {
				if sends++; sends == 1 || sends == 2 {
					<-gate // taken and not confirmed
				}
			}
			return ""
		}})
		c := s.dial()
		// Only who says that it does no harm has it sent again.
		for _, repeat := range []bool{false, true} {
			if err := c.Flush(t.Context()); err != nil {
				t.Error(err)
			}
			done := make(chan error)
			go func() { done <- c.Deliver(t.Context(), to("/exchange/a/b"), []byte("whole"), repeat) }()
			synctest.Wait()
			go s.b.Drop()
			synctest.Wait()
			gate <- true
			err := <-done
			if repeat && err != nil || !repeat && !errors.Is(err, stomp.ErrLost) {
				t.Errorf("with repeat %v the sender hears %v", repeat, err)
			}
		}
		if sends != 3 {
			t.Errorf("sent %d times", sends)
		}
		// Anyone who gives up before it was sent sends nothing.
		s.b.Stop()
		synctest.Wait()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Deliver(short, to("/exchange/a/b"), []byte("late"), true); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("without a broker the sender hears %v", err)
		}
		s.b.Resume()
		if err := c.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		if sends != 3 {
			t.Error("sent all the same")
		}
	})
}

// TestDeliverRefused has the broker refuse a message for what it is and not for
// its size.
func TestDeliverRefused(t *testing.T) {
	for _, flavor := range []stomptest.Flavor{stomptest.ActiveMQ, stomptest.RabbitMQ} {
		synctest.Test(t, func(t *testing.T) {
			s := newBench(t, stomptest.Options{Flavor: flavor, Refuse: func(f *stomp.Frame) string {
				if f.Command == stomp.Send {
					return "User is not authorized to write"
				}
				return ""
			}})
			c := s.dial()
			err := c.Deliver(t.Context(), to("/queue/a"), large, true)
			var e *stomp.ServerError
			if !errors.As(err, &e) || !strings.Contains(err.Error(), "/queue/a") {
				t.Errorf("the sender hears %v", err)
			}
			if n := len(s.sent(stomp.Send)); n != 1 {
				t.Errorf("sent %d times", n)
			}
		})
	}
}

// TestSmallIsGivenUp has a broker that breaks the connection within messages that
// nobody waits for.
func TestSmallIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t, stomptest.Options{MaxFrame: limit})
		c := s.dial()
		in := s.subscribe(c, stomp.Listen{Destination: "/queue/a"})
		s.send(c, "/queue/a", string(large))
		s.send(c, "/queue/a", "after")
		s.expect(in, "after")
		if n := s.b.Cuts(); n != 2 {
			t.Errorf("sent %d times", n)
		}
		if log := s.log.String(); !strings.Contains(log, "message dropped") || !strings.Contains(log, "destination=/queue/a") {
			t.Errorf("the log says\n%s", log)
		}
	})
}
