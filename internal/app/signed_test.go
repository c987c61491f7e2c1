package app_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mcollective/broker"
	"mcollective/client"
	"mcollective/discovery"
	"mcollective/filter"
	"mcollective/internal/app"
	"mcollective/internal/config"
	"mcollective/internal/credential"
	"mcollective/internal/credential/credentialtest"
	"mcollective/internal/dirtest"
	"mcollective/internal/plugins"
	"mcollective/internal/session"
	"mcollective/internal/waittest"
	"mcollective/rpc"
	"mcollective/security/creds"
)

// A signedSite is a broker with an authority, which runs, and the configurations of those
// who have its credentials.
type signedSite struct {
	*credentialtest.Site
	t      *testing.T
	broker *broker.Broker
	dirs   map[string]string // of nodes
}

func newSignedSite(t *testing.T) *signedSite {
	s := &signedSite{Site: credentialtest.New(t, time.Now()), t: t, dirs: map[string]string{}}
	var err error
	s.broker, err = broker.New(broker.Options{Listen: "127.0.0.1:0", Cert: s.Broker.CertFile(), Key: s.Broker.KeyFile(), Trust: s.Broker})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.broker.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.broker.Stop)
	return s
}

// config writes the configuration of a directory with credentials.
func (s *signedSite) config(dir string, role config.Role, more ...string) *config.Config {
	s.t.Helper()
	lines := append([]string{
		"connector = nats", "plugin.nats.servers = tls://" + s.broker.Addr(), "securityprovider = creds", "plugin.creds.dir = " + dir,
		"loglevel = error", "",
	}, more...)
	file := filepath.Join(dirtest.New(s.t), "any.cfg")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	cfg, err := config.Load(file, role)
	if err != nil {
		s.t.Fatal(err)
	}
	return cfg
}

func (s *signedSite) node(name string) *app.Node {
	s.t.Helper()
	dir := s.Site.Node(name)
	s.dirs[name] = dir
	if err := creds.InitReplay(dir); err != nil {
		s.t.Fatal(err)
	}
	n := app.NewNode(app.NodeOptions{Config: s.config(dir, config.Server, "identity = "+name), Version: "1.0"})
	if err := n.Start(bounded(s.t)); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := n.Stop(); err != nil {
			s.t.Error(err)
		}
	})
	select {
	case <-n.Ready():
	case <-bounded(s.t).Done():
		s.t.Fatalf("node %s does not get ready: %s", name, n.Status())
	}
	return n
}

func (s *signedSite) client(g credential.Grant) *client.Client {
	s.t.Helper()
	open, err := session.Open(bounded(s.t), session.Options{
		Config: s.config(s.Site.Caller(g), config.Client), Collective: "mcollective", ConnectionTimeout: 30 * time.Second,
		Connect: plugins.Connect, Security: plugins.ClientSecurity, Now: time.Now,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(open.Close)
	return open.Client()
}

func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// A caller finds and asks nodes, all by signatures, through a broker that lets each do
// only what it is for.
func TestSignedCollective(t *testing.T) {
	s := newSignedSite(t)
	s.node("web1")
	s.node("web2.example.com")
	c := s.client(credentialtest.CallerOf("jane"))
	found, err := c.Find(bounded(t), discovery.Query{Timeout: 30 * time.Second}, func(string) {}, nil)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(found.Nodes)
	if !slices.Equal(found.Nodes, []string{"web1", "web2.example.com"}) || !found.Exact {
		t.Fatalf("found %+v", found)
	}
	only := filter.Filter{Identities: []filter.Pattern{{Text: "/^web1/"}}}
	if found, err = c.Find(bounded(t), discovery.Query{Filter: only, Timeout: 30 * time.Second}, func(string) {}, nil); err != nil || !slices.Equal(found.Nodes, []string{"web1"}) || !found.Exact {
		t.Errorf("with a filter: %+v, %v", found, err)
	}
	account, err := c.Run(bounded(t), client.Run{
		Agent: "rpcutil", Action: "ping", Direct: true, Nodes: []string{"web1", "web2.example.com"}, Timeout: 30 * time.Second,
	}, func(a client.Answer) {
		if a.Err != nil || a.RPC.Status != rpc.OK {
			t.Errorf("%s: %+v, %v", a.Sender, a.RPC, a.Err)
		}
	})
	if err != nil || account.Count[client.OK] != 2 {
		t.Errorf("%+v, %v", account, err)
	}
}

// A reload reads credential and trust again; what cannot be read stays as it is, and is
// said.
func TestReloadOfCredentials(t *testing.T) {
	s := newSignedSite(t)
	n := s.node("web1")
	c := s.client(credentialtest.CallerOf("jane"))
	serves := func() {
		t.Helper()
		account, err := c.Run(bounded(t), client.Run{Agent: "rpcutil", Action: "ping", Direct: true, Nodes: []string{"web1"}, Timeout: 30 * time.Second}, func(client.Answer) {})
		if err != nil || account.Count[client.OK] != 1 {
			t.Errorf("%+v, %v", account, err)
		}
	}
	if err := n.Reload(bounded(t)); err != nil {
		t.Errorf("a reload: %v", err)
	}
	serves()
	file := filepath.Join(s.dirs["web1"], "credential")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"nonsense", string(whole)} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := n.Reload(bounded(t))
		if broken := text == "nonsense"; broken != (err != nil) || broken && !strings.Contains(err.Error(), "security provider creds goes on with what it has") {
			t.Errorf("a reload with a credential of %d bytes: %v", len(text), err)
		}
		serves()
	}
}

// What the credential does not allow is denied.
func TestSignedPermissions(t *testing.T) {
	s := newSignedSite(t)
	s.node("web1")
	g := credentialtest.CallerOf("joe")
	g.Allow = []credential.Rule{{Agent: "rpcutil", Action: "ping"}}
	c := s.client(g)
	for action, want := range map[string]client.Outcome{"ping": client.OK, "agent_inventory": client.Denied} {
		t.Run(action, func(t *testing.T) {
			account, err := c.Run(bounded(t), client.Run{Agent: "rpcutil", Action: action, DirectThreshold: 10, Nodes: []string{"web1"}, Timeout: 30 * time.Second}, func(client.Answer) {})
			if err != nil || account.Outcomes["web1"] != want {
				t.Errorf("%s: %+v, %v, want %v", action, account, err, want)
			}
		})
	}
}

// A running node hears of a revocation when the broker does, and not when it asks the next time.
func TestNodeHearsOfRevocations(t *testing.T) {
	s := newSignedSite(t)
	s.node("web1")
	jane, _, err := credential.Load(s.Caller(credentialtest.CallerOf("jane")))
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Authority.Revoke(jane.PublicKey(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	disk, err := credential.LoadTrust(s.Broker.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := disk.Update(b); err != nil {
		t.Fatal(err)
	}
	waittest.Until(t, "the node knows of the revocation", func() bool {
		kept, err := credential.LoadTrust(s.dirs["web1"])
		return err == nil && kept.EverRevoked(jane.PublicKey())
	})
}
