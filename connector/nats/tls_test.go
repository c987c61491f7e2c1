package nats

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mcollective/broker"
	"mcollective/internal/dirtest"
	"mcollective/internal/subtest"
	"mcollective/internal/waittest"
)

func TestTLS(t *testing.T) {
	dir := dirtest.New(t)
	cert, key := selfSigned(t, dir)
	_, err := broker.New(broker.Options{Cert: cert})
	if err == nil {
		t.Error("a certificate without key was taken")
	}
	r := startBroker(t, broker.Options{Cert: cert, Key: key, CA: cert})
	ok := TLS{CA: cert, Cert: cert, Key: key}
	c := connect(t, Options{Servers: []string{r.b.ClientURL()}, Identity: "node", TLS: ok, ConnectTimeout: 30 * time.Second})
	if err := c.Flush(bounded(t)); err != nil {
		t.Fatal(err)
	}
	plain := startBroker(t, broker.Options{})
	for _, test := range []struct {
		name, server string
		tls          TLS
		want         string
	}{
		{"unknown authority", r.opts.Listen, TLS{Cert: cert, Key: key}, "certificate signed by unknown authority"},
		{"no client certificate", r.opts.Listen, TLS{CA: cert}, "certificate"},
		{"broker without TLS", plain.opts.Listen, ok, "does not speak TLS"},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			c, err := Connect(ctx, Options{Servers: []string{test.server}, Identity: "node", TLS: test.tls, ConnectTimeout: 30 * time.Second})
			if err == nil {
				c.Close()
				t.Fatal("connected")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %q, want %q in it", err, test.want)
			}
		})
	}
}

// A broker that renewed its certificate under another authority is out of reach until
// the file of authorities is renewed too; until then the log says why.
func TestRenewedAuthority(t *testing.T) {
	here, there := dirtest.New(t), dirtest.New(t)
	cert, key := selfSigned(t, here)
	ca := filepath.Join(dirtest.New(t), "ca.pem")
	copyFile(t, ca, cert)
	r := startBroker(t, broker.Options{Cert: cert, Key: key})
	var log syncBuffer
	c := connect(t, quick(Options{Servers: []string{"tls://" + r.opts.Listen}, Identity: "node", TLS: TLS{CA: ca},
		Logger: slog.New(slog.NewTextHandler(&log, nil))}))
	r.Stop(t)
	r.opts.Cert, r.opts.Key = selfSigned(t, there)
	r.Start(t)
	const reason = "certificate signed by unknown authority"
	waittest.Until(t, "reason logged", func() bool { return strings.Contains(log.String(), reason) })
	if err := c.Status().LastError; err == nil || !strings.Contains(err.Error(), "TLS: ") {
		t.Errorf("the last error is %v", err)
	}
	copyFile(t, ca, r.opts.Cert)
	waittest.Until(t, "connected with the renewed authority", func() bool { return c.Status().Reconnects > 0 })
	if n := strings.Count(log.String(), reason); n != 1 {
		t.Errorf("the reason was logged %d times within a minute: %s", n, log.String())
	}
}

// Every failure of an attempt to come back has its reason in the log, whatever it
// failed at.
func TestReasonsWhileReconnecting(t *testing.T) {
	for _, test := range []struct {
		name, info, answer string
		tls                bool
		want               string
	}{
		{"denied", info, "-ERR 'Authorization Violation'\r\n", false, "the broker denied the credentials"},
		{"too many", info, "-ERR 'maximum connections exceeded'\r\n", false, "no room for another connection now"},
		{"overloaded", info, "-ERR 'maximum account active connections exceeded'\r\n", false, "no room for another connection now"},
		{"hung up", info, "", false, "the broker hung up when we logged in"},
		{"no broker", "no json", "PONG\r\n", false, "no NATS broker"},
		{"another protocol", info, "220 mail\r\n", false, "not the protocol of NATS"},
		{"silent", info, "silent", false, "no NATS broker answered within"},
	} {
		t.Run(test.name, func(t *testing.T) {
			first := make(chan net.Conn, 1)
			good := speaking(t, info, "PONG\r\n", func(conn net.Conn, in *bufio.Reader) {
				first <- conn
				alive(conn, in)
			})
			script := func(conn net.Conn, in *bufio.Reader) {}
			if test.answer == "silent" {
				test.answer, script = "", alive
			}
			bad := speaking(t, test.info, test.answer, script)
			var log syncBuffer
			o := quick(Options{Servers: []string{good}, Identity: "node", Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if strings.Contains(test.want, "within") {
				o.ConnectTimeout = 300 * time.Millisecond
			}
			var moved atomic.Bool
			o.dial.Connect = func(ctx context.Context, network, address string) (net.Conn, error) {
				if moved.Swap(true) {
					address = bad
				}
				return new(net.Dialer).DialContext(ctx, network, address)
			}
			connect(t, o)
			waittest.Receive(t, "first connection", first).Close()
			waittest.Until(t, "reason logged", func() bool { return strings.Contains(log.String(), test.want) })
			if text := log.String(); !strings.Contains(text, "no broker yet") || !strings.Contains(text, good) {
				t.Errorf("the log does not name the broker: %s", text)
			}
		})
	}
}

// A broker with too many connections says so before the login, and in plain text where
// TLS would begin. Who has a deadline tries again until then.
func TestTooManyConnections(t *testing.T) {
	cert, key := selfSigned(t, dirtest.New(t))
	for name, o := range map[string]broker.Options{"plain": {}, "TLS": {Cert: cert, Key: key}} {
		t.Run(name, func(t *testing.T) {
			o.MaxConnections = 1 // the broker's own
			server := startBroker(t, o).opts.Listen
			tried := make(chan struct{}, 1000)
			options := quick(Options{Servers: []string{server}, Identity: "node", TLS: TLS{CA: cert}})
			if name == "plain" {
				options.TLS = TLS{}
			}
			options.dial.Connect = func(ctx context.Context, network, address string) (net.Conn, error) {
				tried <- struct{}{}
				return new(net.Dialer).DialContext(ctx, network, address)
			}
			ctx, cancel := context.WithTimeout(t.Context(), waittest.Patience)
			defer cancel()
			failed := make(chan error, 1)
			go func() {
				_, err := Connect(ctx, options)
				failed <- err
			}()
			waittest.Receive(t, "an attempt", tried)
			waittest.Receive(t, "another", tried)
			waittest.Receive(t, "and another", tried)
			cancel()
			if err := waittest.Receive(t, "the end", failed); err == nil || !strings.Contains(err.Error(), "no room for another connection now") {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestRefusalBeforeTLS(t *testing.T) {
	for text, want := range map[string]string{
		"-ERR 'maximum connections exceeded'\r\nmore": "maximum connections exceeded",
		"-ERR ":                              "",
		"-ERR '" + strings.Repeat("x", 1000): strings.Repeat("x", maxRefusal-1),
	} {
		t.Run(subtest.Name(text), func(t *testing.T) {
			if err, ok := refusal([]byte(text)).(*denial); !ok || err.words != want {
				t.Errorf("%.50q is %v", text, err)
			}
		})
	}
	for _, text := range []string{"", "-ERR", "INFO {}\r\n"} {
		if err := refusal([]byte(text)); err != nil {
			t.Errorf("%q is %v", text, err)
		}
	}
}

func TestFilesOfTLS(t *testing.T) {
	dir := dirtest.New(t)
	cert, key := selfSigned(t, dir)
	plain := startBroker(t, broker.Options{})
	old := filepath.Join(dir, "old.pem")
	oldKey := filepath.Join(dir, "oldkey.pem")
	certificate(t, old, oldKey, time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour))
	var log syncBuffer
	// Said, whether or not the broker minds.
	connect(t, Options{Servers: []string{startBroker(t, broker.Options{Cert: cert, Key: key}).opts.Listen}, Identity: "node",
		TLS: TLS{CA: cert, Cert: old, Key: oldKey}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if text := log.String(); !strings.Contains(text, old) || !strings.Contains(text, "expired on") {
		t.Errorf("nothing is said of an expired certificate: %q", text)
	}
	_, err := Connect(bounded(t), Options{Servers: []string{startBroker(t, broker.Options{Cert: cert, Key: key, CA: cert}).opts.Listen}, Identity: "node",
		TLS: TLS{CA: cert, Cert: old, Key: oldKey}})
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("with an expired certificate: %v", err)
	}
	// A key in a file that is there and of no use ends the attempt before the network.
	if err := os.WriteFile(oldKey, []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Connect(bounded(t), Options{Servers: []string{plain.opts.Listen}, Identity: "node", TLS: TLS{Cert: cert, Key: oldKey}})
	if err == nil || !strings.Contains(err.Error(), "openssl pkey -in "+oldKey) {
		t.Errorf("with an encrypted key: %v", err)
	}
}

func copyFile(t *testing.T, to, from string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to+".new", text, 0o600)
	}
	if err == nil {
		err = os.Rename(to+".new", to)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// selfSigned makes a certificate for 127.0.0.1 that is its own authority.
func selfSigned(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certificate(t, cert, key, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	return cert, key
}

func certificate(t *testing.T, cert, key string, from, until time.Time) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: from, NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
