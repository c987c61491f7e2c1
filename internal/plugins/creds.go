package plugins

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"

	"mcollective/connector"
	"mcollective/connector/nats"
	"mcollective/internal/config"
	"mcollective/internal/credential"
	"mcollective/internal/enroll"
	"mcollective/security"
	"mcollective/security/creds"
)

// credsDir returns the directory of the identity. What only the broker of the collective
// can do is over nats alone.
func credsDir(cfg *config.Config) (string, error) {
	if !strings.EqualFold(cfg.Connector, "nats") {
		return "", fmt.Errorf("%s: securityprovider = creds goes with connector = nats only, not %s", cfg.Origin("securityprovider"), cfg.Connector)
	}
	dir, ok := cfg.CredsDir()
	if !ok {
		return "", fmt.Errorf("%s: securityprovider = creds needs plugin.creds.dir, the directory that mco join made", source(cfg, "creds.dir"))
	}
	return dir, nil
}

func credsClient(cfg *config.Config) (security.Client, []string, error) {
	dir, err := credsDir(cfg)
	if err != nil {
		return nil, nil, err
	}
	c, err := creds.NewClient(creds.Options{Dir: dir})
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", source(cfg, "creds.dir"), err)
	}
	return c, c.Warnings(), nil
}

// A signedNode is a node and its memory of requests.
type signedNode struct {
	*creds.Node
	*creds.Replay
}

func credsNode(cfg *config.Config) (security.Node, []string, error) {
	dir, err := credsDir(cfg)
	if err != nil {
		return nil, nil, err
	}
	n, err := creds.NewNode(creds.Options{Dir: dir})
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", source(cfg, "creds.dir"), err)
	}
	if n.Name() != cfg.Identity {
		return nil, nil, fmt.Errorf("%s: this node is %s, and the credential in %s is that of %s: set identity = %s, or join again", source(cfg, "creds.dir"), cfg.Identity, dir, n.Name(), n.Name())
	}
	memory, err := creds.OpenReplay(creds.ReplayOptions{Dir: dir, MaxTTL: cfg.MaxTTL, MaxSkew: cfg.MaxSkew})
	if err != nil {
		return nil, nil, err
	}
	return signedNode{n, memory}, n.Warnings(), nil
}

// credsLogin has a connection log in with the credential, and speak to none but the
// pinned brokers.
func credsLogin(cfg *config.Config, o *nats.Options) error {
	dir, err := credsDir(cfg)
	if err != nil {
		return err
	}
	for _, key := range []string{"nats.tls.ca", "nats.tls.cert", "nats.tls.key"} {
		if _, set := cfg.Plugin(key); set {
			return fmt.Errorf("%s: plugin.%s does not go with securityprovider = creds, which knows the key of the broker", cfg.Origin("plugin."+key), key)
		}
	}
	identity, trust, err := credential.Load(dir)
	if err != nil {
		return fmt.Errorf("%s: %w", source(cfg, "creds.dir"), err)
	}
	if len(trust.Pins()) == 0 {
		return errors.New("the directory of the identity names no broker")
	}
	o.TLS = nats.TLS{Config: trust.TLS(), First: true}
	if c := identity.Credential(); c.Kind == credential.Caller {
		o.ReplyName = c.KeyID()
	}
	var latest atomic.Pointer[credential.Identity]
	latest.Store(identity)
	o.JWT = func() (string, error) {
		identity, _, err := credential.Load(dir) // it may have been renewed
		if err != nil {
			return "", err
		}
		latest.Store(identity)
		return identity.Token(), nil
	}
	o.Sign = func(nonce []byte) ([]byte, error) { return latest.Load().SignNonce(nonce) }
	return nil
}

// An announcer is a connection to a broker that announces trust bundles.
type announcer interface {
	Servers() []string
	Hear(subject string, receive func(data []byte)) error
}

var _ announcer = (*nats.Conn)(nil)

// Keep has a connection hear what its brokers announce, and returns a function that keeps what
// a security provider needs to be renewed up to date until ctx ends. Most need nothing.
func Keep(sec security.Node, conn connector.Connector, log *slog.Logger) func(ctx context.Context) {
	m, ok := sec.(enroll.Member)
	if !ok {
		return func(context.Context) {}
	}
	var servers []string
	if a, ok := conn.(announcer); ok {
		servers = a.Servers()
		if err := a.Hear(credential.SubjectBundle, enroll.Hear(m, log)); err != nil {
			log.Warn("announced trust bundles are not heard; the node asks for them every quarter of an hour", "error", err)
		}
	}
	return func(ctx context.Context) { enroll.Keep(ctx, m, servers, log) }
}
