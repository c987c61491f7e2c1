package aes

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mcollective/internal/dirtest"
	"mcollective/message"
	"mcollective/message/wire"
	"mcollective/security/internal/rsakey/rsakeytest"
)

func testKey(t testing.TB, name string) *rsa.PrivateKey {
	t.Helper()
	return rsakeytest.Key(t, name, 2048)
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
	dirtest.Make(t, filepath.Join(s.dir, "clients"))
	dirtest.Make(t, filepath.Join(s.dir, "nobody"))
	server := testKey(t, "server") // which Ruby's plugin has to have
	s.write("server-private.pem", rsakeytest.PrivatePEM(server), 0o600)
	s.write("server-public.pem", rsakeytest.PublicPEM(t, server), 0o644)
	for _, name := range []string{"alice", "bob", "mallory"} {
		k := testKey(t, name)
		s.write(name+"-private.pem", rsakeytest.PrivatePEM(k), 0o600)
		s.write(name+".pem", rsakeytest.PublicPEM(t, k), 0o644)
		if name != "mallory" {
			s.write("clients/"+name+".pem", rsakeytest.PublicPEM(t, k), 0o644)
		}
	}
	return s
}

// certify puts a certificate for a name into a file, signed by an authority; with the
// authority's own name and key it is that of the authority.
func (s site) certify(file, name, key, authority string, until time.Time) {
	s.t.Helper()
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: sent.Add(-time.Hour), NotAfter: until,
		BasicConstraintsValid: true, IsCA: key == authority, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	parent := &x509.Certificate{Subject: pkix.Name{CommonName: authority}}
	if key == authority {
		parent = t
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, &testKey(s.t, key).PublicKey, testKey(s.t, authority))
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(file, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), 0o644)
}

func (s site) write(name, text string, mode os.FileMode) {
	s.t.Helper()
	dirtest.Write(s.t, filepath.Join(s.dir, name), text, mode)
}

func (s site) path(name string) string { return filepath.Join(s.dir, name) }

func (s site) client(name string, change func(*ClientOptions)) *Client {
	s.t.Helper()
	o := ClientOptions{Identity: "client.example.com", PrivateKey: s.path(name + "-private.pem"), PublicKey: s.path(name + ".pem")}
	if change != nil {
		change(&o)
	}
	c, err := NewClient(o)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// sent is when the requests of the tests are.
var sent = time.Unix(1795336394, 0).UTC()

func (s site) nodeOptions() NodeOptions {
	return NodeOptions{Identity: "n1.example.com", ClientKeys: s.path("clients"), Now: func() time.Time { return sent }}
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

var both = []wire.Serializer{wire.Marshal, wire.YAML}
