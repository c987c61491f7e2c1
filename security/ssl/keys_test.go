package ssl

import (
	"crypto/rsa"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mcollective/internal/dirtest"
	"mcollective/message"
	"mcollective/message/wire"
	"mcollective/security/internal/rsakey/rsakeytest"
)

func testKey(t testing.TB, name string, bits int) *rsa.PrivateKey {
	t.Helper()
	return rsakeytest.Key(t, name, bits)
}

// A site is the files of a collective with the callers alice and bob, and mallory, whom
// no node knows.
type site struct {
	t   testing.TB
	dir string
}

func newSite(t testing.TB) site {
	t.Helper()
	s := site{t, dirtest.New(t)}
	server := testKey(t, "server", 2048)
	s.write("server-private.pem", rsakeytest.PrivatePEM(server), 0o600)
	s.write("server-public.pem", rsakeytest.PublicPEM(t, server), 0o644)
	dirtest.Make(t, filepath.Join(s.dir, "clients"))
	for _, name := range []string{"alice", "bob", "mallory"} {
		k := testKey(t, name, 2048)
		s.write(name+"-private.pem", rsakeytest.PrivatePEM(k), 0o600)
		s.write(name+".pem", rsakeytest.PublicPEM(t, k), 0o644)
		if name != "mallory" {
			s.write("clients/"+name+".pem", rsakeytest.PublicPEM(t, k), 0o644)
		}
	}
	return s
}

func (s site) write(name, text string, mode os.FileMode) {
	s.t.Helper()
	dirtest.Write(s.t, filepath.Join(s.dir, name), text, mode)
}

func (s site) path(name string) string { return filepath.Join(s.dir, name) }

func (s site) clientOptions(name string) ClientOptions {
	return ClientOptions{Identity: "client.example.com", PrivateKey: s.path(name + "-private.pem"), PublicKey: s.path(name + ".pem"),
		ServerKey: s.path("server-public.pem")}
}

func (s site) client(name string, ser wire.Serializer) *Client {
	s.t.Helper()
	o := s.clientOptions(name)
	o.Serializer = ser
	c, err := NewClient(o)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// started is when the nodes of the tests were.
var started = time.Unix(1795336000, 0)

// sent is when the requests of the tests are.
var sent = time.Unix(1795336394, 0).UTC()

func (s site) nodeOptions() NodeOptions {
	now := started
	return NodeOptions{Identity: "n1.example.com", PrivateKey: s.path("server-private.pem"), PublicKey: s.path("server-public.pem"),
		ClientKeys: s.path("clients"), Now: func() time.Time { defer func() { now = sent }(); return now }}
}

func (s site) node(change func(*NodeOptions)) *Node {
	s.t.Helper()
	o := s.nodeOptions()
	if change != nil {
		change(&o)
	}
	n, err := NewNode(o)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func testRequest(body any) *message.Request {
	return &message.Request{ID: "7d827a9dde2556b9a293f86e5460a7e5", Collective: "mcollective", Agent: "discovery", Sender: "client.example.com",
		Time: sent, TTL: 60 * time.Second, Body: body}
}
