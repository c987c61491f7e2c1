package nats

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"mcollective/connector"
	"mcollective/internal/dirtest"
	"mcollective/internal/subtest"
)

// A broker chooses what a client signs to log in. It gets no signature of anything
// that could be a message.
func TestOnlyNoncesAreSigned(t *testing.T) {
	request := `{"version":1,"type":"request","id":"7d827a9dde2556b9a293f86e5460a7e5","agent":"shell"}`
	for nonce, want := range map[string]bool{
		"iXkzc7Nq8lR0_-w": true, "12345678": true, strings.Repeat("x", 64): true,
		request: false, "": false, "1234567": false, strings.Repeat("x", 65): false, "\xffmco-request-1\x00" + request: false, "abcdefgh\n": false, "abc def gh": false, "mco.request": false,
	} {
		t.Run(subtest.Name(nonce), func(t *testing.T) {
			var asked atomic.Int32
			sign := func(n []byte) ([]byte, error) {
				asked.Add(1)
				if string(n) != nonce {
					return nil, errors.New("the nonce was changed on its way")
				}
				return []byte("signature"), nil
			}
			var sent atomic.Value
			address := speaking(t, fmt.Sprintf(`{"server_id":"X","version":"2.15.2","proto":1,"headers":true,"max_payload":1048576,"auth_required":true,"nonce":%q}`, nonce), "PONG\r\n", alive)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			c, err := Connect(ctx, Options{Servers: []string{address}, Identity: "me", JWT: func() (string, error) { sent.Store(true); return "a.b.c", nil }, Sign: sign})
			cancel()
			if err == nil {
				c.Close()
			}
			if (err == nil) != want || asked.Load() != map[bool]int32{true: 1}[want] || (sent.Load() != nil) != want {
				t.Errorf("nonce %q: error %v, %d signatures, credential sent: %v", nonce, err, asked.Load(), sent.Load())
			}
		})
	}
}

// A credential that changes is asked for at each login, and one that cannot be had ends it.
func TestLoginWithoutCredential(t *testing.T) {
	address := speaking(t, `{"server_id":"X","version":"2.15.2","proto":1,"auth_required":true,"nonce":"iXkzc7Nq8lR0_-w"}`, "PONG\r\n", alive)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err := Connect(ctx, Options{
		Servers: []string{address}, Identity: "me", Sign: func([]byte) ([]byte, error) { return nil, nil },
		JWT: func() (string, error) { return "", errors.New("the credential is gone") },
	})
	if err == nil || !strings.Contains(err.Error(), "the credential is gone") {
		t.Errorf("error %v", err)
	}
	for what, o := range map[string]Options{
		"a signature of nothing": {Identity: "me", Sign: func([]byte) ([]byte, error) { return nil, nil }},
		"two ways":               {Identity: "me", Token: "x", JWT: func() (string, error) { return "", nil }, Sign: func([]byte) ([]byte, error) { return nil, nil }},
		"a wildcard for replies": {Identity: "me", ReplyName: "*"},
	} {
		t.Run(what, func(t *testing.T) {
			if c, err := Connect(ctx, o); err == nil {
				c.Close()
				t.Errorf("%s is taken", what)
			}
		})
	}
}

// A file with a key is judged at each login, before anything out of it is sent or signs.
func TestSecretIsJudgedAtEachLogin(t *testing.T) {
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	dir := dirtest.New(t)
	for name, text := range map[string]string{
		"seed": string(seed) + "\n",
		"creds": "-----BEGIN NATS USER JWT-----\na.b.c\n------END NATS USER JWT------\n\n" +
			"-----BEGIN USER NKEY SEED-----\n" + string(seed) + "\n------END USER NKEY SEED------\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, set := range map[string]func(*Options, string){
		"seed":  func(o *Options, file string) { o.NkeySeed = file },
		"creds": func(o *Options, file string) { o.Credentials = file },
	} {
		var asked atomic.Int32
		var refused atomic.Bool
		file := filepath.Join(dir, name)
		login := func() error {
			address := speaking(t, `{"server_id":"X","version":"2.15.2","proto":1,"headers":true,"max_payload":1048576,"auth_required":true,"nonce":"iXkzc7Nq8lR0_-w"}`, "PONG\r\n", alive)
			o := Options{Servers: []string{address}, Identity: "me", CheckSecret: func(path string) error {
				asked.Add(1)
				if path != file {
					t.Errorf("%s: asked of %s", name, path)
				}
				if refused.Load() {
					return errors.New("anybody can write to it")
				}
				return nil
			}}
			set(&o, file)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			c, err := Connect(ctx, o)
			if err == nil {
				c.Close()
			}
			return err
		}
		if err := login(); err != nil || asked.Load() == 0 {
			t.Errorf("%s: error %v after it was judged %d times", name, err, asked.Load())
		}
		refused.Store(true)
		if err := login(); err == nil || !strings.Contains(err.Error(), "anybody can write to it") {
			t.Errorf("%s that is refused: error %v", name, err)
		}
	}
}

// Replies come to where the credential says.
func TestReplyName(t *testing.T) {
	c := connect(t, Options{Servers: []string{scripted(t, alive)}, Identity: "me", ReplyName: "UKEY"})
	s, err := c.Subscribe(bounded(t), connector.Target{Kind: connector.Reply, Collective: "mcollective", Agent: "a"}, func(connector.Delivery) {})
	if err != nil || !strings.HasPrefix(s.Address(), "mcollective.reply.UKEY.") {
		t.Errorf("%v, %v", s, err)
	}
}

// A client that begins with TLS says nothing before it and believes nothing before it.
func TestTLSFirst(t *testing.T) {
	cert, key := selfSigned(t, dirtest.New(t))
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, "INFO %s\r\n", strings.Replace(info, "{", `{"tls_required":true,`, 1))
		in := bufio.NewReader(conn)
		alive(conn, in)
	}()
	c := connect(t, Options{Servers: []string{l.Addr().String()}, Identity: "me", TLS: TLS{CA: cert, First: true}})
	if err := c.Flush(bounded(t)); err != nil {
		t.Error(err)
	}
	c.Close()
	<-done
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err = Connect(ctx, Options{Servers: []string{scripted(t, func(net.Conn, *bufio.Reader) {})}, Identity: "me", TLS: TLS{CA: cert, First: true}})
	if err == nil || !strings.Contains(err.Error(), "handshake_first") {
		t.Errorf("a broker that speaks first: %v", err)
	}
}
