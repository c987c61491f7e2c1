package stomp_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mcollective/stomp"
	"mcollective/stomp/stomptest"
)

// refusing is a bench whose broker refuses subscriptions to what denied begins.
func refusing(t *testing.T, flavor stomptest.Flavor, denied *string) *bench {
	return newBench(t, stomptest.Options{Flavor: flavor, Refuse: func(f *stomp.Frame) string {
		if f.Command == stomp.Subscribe && strings.HasPrefix(f.Header.Get("destination"), *denied) {
			return "User is not authorized"
		}
		return ""
	}})
}

var flavors = map[string]stomptest.Flavor{"activemq": stomptest.ActiveMQ, "rabbitmq": stomptest.RabbitMQ}

// TestSubscriptionRefused asks for what the broker does not allow, among
// subscriptions that it does.
func TestSubscriptionRefused(t *testing.T) {
	for name, flavor := range flavors {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				denied := "/queue/denied"
				s := refusing(t, flavor, &denied)
				c := s.dial()
				good := s.subscribe(c, stomp.Listen{Destination: "/queue/good"})
				refused := func(n int) error {
					_, err := c.Subscribe(t.Context(), stomp.Listen{Destination: fmt.Sprint("/queue/denied", n)}, func(*stomp.Frame) {})
					return err
				}
				for n := range 20 {
					err := refused(n)
					var e *stomp.RefusedError
					if !errors.As(err, &e) || e.Err.Message != "User is not authorized" || !strings.Contains(err.Error(), fmt.Sprint("/queue/denied", n)) {
						t.Fatalf("error %v", err)
					}
				}
				s.send(c, "/queue/good", "still")
				s.expect(good, "still")
				// The first one may have broken the connection, no other did.
				if st := c.State(); !st.Connected || st.Reconnects > 1 {
					t.Errorf("state %+v", st)
				}
				// Anyone who asks again and again does not keep the broker busy.
				logins := s.b.Logins()
				for range 60 {
					for n := range 20 {
						if err := refused(n); err == nil {
							t.Fatal("what is refused was accepted")
						}
					}
					time.Sleep(30 * time.Second)
				}
				if n := s.b.Logins() - logins; n > 31 || flavor == stomptest.RabbitMQ && n < 20 {
					t.Errorf("%d logins in half an hour", n)
				}
				if st := c.State(); !st.Connected || st.Reconnects > 1 {
					t.Errorf("state %+v", st)
				}
				s.b.Allow()
				time.Sleep(30 * time.Second)
				accepted := map[int]bool{}
				for range 2 {
					for n := range 20 {
						accepted[n] = accepted[n] || refused(n) == nil
					}
					time.Sleep(time.Minute)
				}
				for n := range 20 {
					if !accepted[n] {
						t.Errorf("%d was allowed and is still refused", n)
					}
				}
			})
		})
	}
}

// TestRestoreRefused has subscriptions refused that stood before, a whole
// collective of them.
func TestRestoreRefused(t *testing.T) {
	for name, flavor := range flavors {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				denied := "nothing"
				s := refusing(t, flavor, &denied)
				c := s.dial()
				var lost []*stomp.Subscription
				for n := range 20 {
					sub, err := c.Subscribe(t.Context(), stomp.Listen{Destination: fmt.Sprint("/queue/denied", n)}, func(*stomp.Frame) { t.Error("received what is refused") })
					if err != nil {
						t.Fatal(err)
					}
					lost = append(lost, sub)
				}
				good, err := c.Subscribe(t.Context(), stomp.Listen{Destination: "/queue/good"}, func(*stomp.Frame) {})
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				denied = "/queue/denied"
				logins, start := s.b.Logins(), time.Now()
				s.b.Drop()
				synctest.Wait()
				if err := c.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
				if d := time.Since(start); d > 20*time.Second {
					t.Errorf("back after %v", d)
				}
				if n := s.b.Logins() - logins; n > 21 {
					t.Errorf("%d logins", n)
				}
				for _, sub := range lost {
					var e *stomp.RefusedError
					if !errors.As(sub.Err(), &e) {
						t.Errorf("a refused subscription says %v", sub.Err())
					}
					sub.Close()
				}
				if err := good.Err(); err != nil {
					t.Errorf("one that stands says %v", err)
				}
				logins = s.b.Logins()
				time.Sleep(10 * time.Minute)
				if st := c.State(); !st.Connected || s.b.Logins() != logins {
					t.Errorf("state %+v, %d logins", st, s.b.Logins()-logins)
				}
				if log := s.log.String(); !strings.Contains(log, "destination=/queue/denied7") {
					t.Errorf("the log does not say what was refused:\n%s", log)
				}
				s.b.Allow()
				in := s.subscribe(c, stomp.Listen{Destination: "/queue/denied1"})
				s.send(c, "/queue/denied1", "again")
				s.expect(in, "again")
			})
		})
	}
}

// TestWordsThatAreAboutAnother has a complaint without a receipt come while a
// subscription waits for its own.
func TestWordsThatAreAboutAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t, stomptest.Options{Flavor: stomptest.RabbitMQ, Exchanges: []string{"here"}})
		c := s.dial()
		s.subscribe(c, stomp.Listen{Destination: "/queue/a"})
		s.send(c, "/exchange/absent/x", "x")
		in := s.subscribe(c, stomp.Listen{Destination: "/exchange/here/x"})
		s.send(c, "/exchange/here/x", "arrives")
		s.expect(in, "arrives")
	})
}

// TestPoison has somebody else name an exchange that breaks the connection of who
// sends there, as the address of a reply does.
func TestPoison(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t, stomptest.Options{Flavor: stomptest.RabbitMQ, Refuse: func(f *stomp.Frame) string {
			if f.Command == stomp.Send && strings.HasPrefix(f.Header.Get("destination"), "/exchange/absent/") {
				return "NOT_FOUND - no exchange 'absent' in vhost '/mcollective'"
			}
			return ""
		}})
		c := s.dial()
		in := s.subscribe(c, stomp.Listen{Destination: "/exchange/here/x"})
		refused := 0
		for n := range 600 {
			err := c.Send(t.Context(), to(fmt.Sprintf("/exchange/absent/reply%d", n)), nil)
			var e *stomp.ServerError
			if err != nil && (!errors.As(err, &e) || !strings.Contains(err.Error(), fmt.Sprint("reply", n))) {
				t.Fatal(err)
			}
			if err != nil {
				refused++
			}
			synctest.Wait()
			s.send(c, "/exchange/here/x", fmt.Sprint(n))
			s.expect(in, fmt.Sprint(n))
			time.Sleep(time.Second)
		}
		if n := s.b.Logins(); n > 9 || refused < 590 {
			t.Errorf("%d logins and %d refusals in ten minutes", n, refused)
		}
		s.b.Allow()
		time.Sleep(5 * time.Minute)
		if err := c.Send(t.Context(), to("/exchange/absent/x"), nil); err != nil {
			t.Errorf("once it is there: %v", err)
		}
	})
}
