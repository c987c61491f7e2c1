package enroll

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	gonats "github.com/nats-io/nats.go"

	"mcollective/internal/credential"
	"mcollective/internal/dial"
	"mcollective/internal/pause"
)

// A Membership is what a machine gets when it joins.
type Membership struct {
	Token string // the credential
	Trust *credential.Trust
	Ahead time.Duration // how far the clock of the broker is ahead of ours
}

// errNoLogin is why a broker lets nobody in without a credential.
var errNoLogin = errors.New("the broker takes nobody in now: the token has ended or was revoked, and there is no other; ask for another: mco token new, on the broker")

// Join asks a broker to make a credential for a name and a key.
func Join(ctx context.Context, address string, token credential.JoinToken, name string, key *credential.Key) (*Membership, error) {
	if err := credential.CheckName(credential.Node, name); err != nil {
		return nil, err
	}
	request, unseal, err := newJoin(token, name, key)
	if err != nil {
		return nil, err
	}
	l := &line{tls: token.TLS()}
	nc, err := l.connect(ctx, address)
	// A broker notices a new token within a second.
	for try := 0; try < 4 && l.err == nil && errors.Is(err, gonats.ErrAuthorization); try++ {
		if err := pause.For(ctx, 500*time.Millisecond); err != nil {
			return nil, fmt.Errorf("join at %s: %w", address, err)
		}
		nc, err = l.connect(ctx, address)
	}
	if err != nil {
		if l.err == nil && errors.Is(err, gonats.ErrAuthorization) {
			err = errNoLogin
		}
		return nil, fmt.Errorf("join at %s: %w", address, err)
	}
	defer nc.Close()
	asked := time.Now()
	data, err := ask(ctx, nc, credential.SubjectJoin, credential.GuestReply(rand.Text()), request)
	if err != nil {
		return nil, fmt.Errorf("join at %s: %w", address, err)
	}
	answer, err := unseal(data)
	if err != nil {
		return nil, fmt.Errorf("join at %s: %w", address, err)
	}
	if answer.Refused != "" {
		return nil, fmt.Errorf("the broker at %s refuses: %s", address, printable(answer.Refused))
	}
	m := &Membership{Token: answer.Credential, Ahead: time.Unix(answer.Time, 0).Sub(asked.Truncate(time.Second))}
	m.Trust, err = credential.NewTrust(credential.AuthorityOf(l.cert), answer.Bundle, []credential.Pin{credential.PinOf(l.cert)})
	if err != nil {
		return nil, fmt.Errorf("join at %s: %w", address, err)
	}
	m.Trust.SetServers(address)
	// By the broker's clock: what is wrong with ours is another matter.
	c, err := m.Trust.Check(answer.Credential, credential.Node, time.Unix(answer.Time, 0))
	if err != nil {
		return nil, fmt.Errorf("join at %s: %w", address, err)
	}
	if c.Name != name || c.KeyID() != key.Public() {
		return nil, fmt.Errorf("join at %s: the broker made a credential for another name or key", address)
	}
	return m, nil
}

// Refresh brings a broker and a member to the same trust bundle, the newer of both. If wanted, it asks for a new
// credential, too. It reports whether the member's bundle is a newer one now.
func Refresh(ctx context.Context, address string, id *credential.Identity, t *credential.Trust, wanted bool, now time.Time) (newer bool, err error) {
	request, err := sign(renewDomain, renewRequest{Credential: id.Token(), Wanted: wanted, Time: now.UnixNano(), Bundle: t.Bundle()}, id.Sign)
	if err != nil {
		return false, err
	}
	l := &line{tls: t.TLS()}
	nc, err := l.connect(ctx, address, gonats.UserJWT(func() (string, error) { return id.Token(), nil }, id.SignNonce))
	if err != nil {
		return false, fmt.Errorf("renew at %s: %w", address, err)
	}
	defer nc.Close()
	data, err := ask(ctx, nc, credential.SubjectRenew, credential.Reply(id.PublicKey(), rand.Text()), request)
	if err != nil {
		return false, fmt.Errorf("renew at %s: %w", address, err)
	}
	answer, err := readAnswer(data)
	if err != nil {
		return false, fmt.Errorf("renew at %s: %w", address, err)
	}
	newer, err = t.Update(answer.Bundle)
	switch {
	case err != nil:
	case answer.Refused != "":
		err = fmt.Errorf("the broker at %s refuses: %s", address, printable(answer.Refused))
	case wanted:
		err = id.Renew(t, answer.Credential, now)
	}
	return newer, err
}

// printable keeps words of a broker from doing anything to a terminal.
func printable(text string) string {
	b := []rune(text)
	for i, r := range b {
		if r < ' ' || r > '~' {
			b[i] = '?'
		}
	}
	return string(b[:min(len(b), 500)])
}

func ask(ctx context.Context, nc *gonats.Conn, subject, reply string, data []byte) ([]byte, error) {
	sub, err := nc.SubscribeSync(reply)
	if err != nil {
		return nil, err
	}
	if err := nc.PublishRequest(subject, reply, data); err != nil {
		return nil, err
	}
	m, err := sub.NextMsgWithContext(ctx)
	switch {
	case errors.Is(err, gonats.ErrNoResponders):
		return nil, errors.New("what listens there is a broker, but none that makes credentials; name one that 'mco broker --init' made")
	case errors.Is(err, context.DeadlineExceeded):
		return nil, errors.New("the broker does not answer; see its log")
	case err != nil:
		return nil, err
	}
	return m.Data, nil
}

// A line is one connection to a broker over TLS from the first byte on.
type line struct {
	ctx  context.Context
	tls  *tls.Config
	cert *x509.Certificate
	err  error // why there is no connection
}

const attempt = 15 * time.Second

func (l *line) connect(ctx context.Context, address string, more ...gonats.Option) (*gonats.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	l.ctx = ctx
	settings := append([]gonats.Option{
		gonats.SetCustomDialer(l), gonats.NoReconnect(), gonats.Timeout(attempt), gonats.Name("mco join"), gonats.DontRandomize(),
		gonats.ErrorHandler(func(*gonats.Conn, *gonats.Subscription, error) {}), // not to standard error
	}, more...)
	nc, err := gonats.Connect("nats://"+address, settings...)
	if l.err != nil {
		return nil, l.err
	}
	return nc, err
}

// SkipTLSHandshake has the library leave TLS to us: it comes first.
func (l *line) SkipTLSHandshake() bool { return true }

// Dial implements the library's CustomDialer.
func (l *line) Dial(_, address string) (net.Conn, error) {
	var conn *tls.Conn
	reached := false
	l.err = dial.Dialer{}.Dial(l.ctx, "tcp", address, func(ctx context.Context, raw net.Conn) error {
		reached = true
		c := tls.Client(raw, l.tls)
		if err := c.HandshakeContext(ctx); err != nil {
			return err
		}
		conn = c
		return nil
	})
	record := (*tls.RecordHeaderError)(nil)
	switch {
	case l.err == nil:
		l.cert = conn.ConnectionState().PeerCertificates[0]
		return conn, nil
	case errors.Is(l.err, credential.ErrBrokerKey):
		l.err = fmt.Errorf("%w; nothing was sent. Compare the address, and copy the line anew from the broker: mco token new", credential.ErrBrokerKey)
	case errors.As(l.err, &record):
		l.err = errors.New("what listens there does not begin with TLS, so it is no broker that 'mco broker --init' made")
	case !reached:
		l.err = fmt.Errorf("%w; is the broker running, and may this machine reach it?", l.err)
	}
	return nil, l.err
}
