package nats

import (
	"slices"
	"testing"

	gonats "github.com/nats-io/nats.go"

	"mcollective/broker"
	"mcollective/internal/waittest"
)

// What a broker announces is heard, also over a connection that was lost and made again.
func TestHear(t *testing.T) {
	b := startBroker(t, broker.Options{})
	c, err := Connect(waittest.Within(t, waittest.Patience), quick(Options{Servers: []string{b.b.Addr()}, Identity: "web1"}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	heard := make(chan string, 16)
	if err := c.Hear("_X.y", func(data []byte) { heard <- string(data) }); err != nil {
		t.Fatal(err)
	}
	say := func(text string) {
		t.Helper()
		if err := c.Flush(waittest.Within(t, waittest.Patience)); err != nil {
			t.Fatal(err)
		}
		other, err := gonats.Connect(b.b.ClientURL())
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		if err := other.Publish("_X.y", []byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := other.Flush(); err != nil {
			t.Fatal(err)
		}
		if got := waittest.Receive(t, "the announcement", heard); got != text {
			t.Errorf("heard %q, want %q", got, text)
		}
	}
	say("first")
	b.Stop(t)
	b.Start(t)
	waittest.Until(t, "the connection is there again", func() bool { return c.Status().Reconnects > 0 && c.Connected() })
	say("second")
	if want := []string{b.b.Addr()}; !slices.Equal(c.Servers(), want) {
		t.Errorf("servers %v, want %v", c.Servers(), want)
	}
}

func TestServers(t *testing.T) {
	o := Options{Identity: "web1", Servers: []string{"tls://user:secret@broker", "other:4333"}}
	if err := o.complete(); err != nil {
		t.Fatal(err)
	}
	if got, want := (&Conn{opts: o}).Servers(), []string{"broker:4222", "other:4333"}; !slices.Equal(got, want) {
		t.Errorf("servers %v, want %v", got, want)
	}
}
