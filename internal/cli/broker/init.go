package broker

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"mcollective/internal/cli"
	"mcollective/internal/cli/trust"
	"mcollective/internal/cli/trustdir"
	"mcollective/internal/credential"
	"mcollective/internal/usage"
)

const (
	// listenInit is where the broker of a collective of several machines listens.
	listenInit = "0.0.0.0:4222"

	// What the first token is good for.
	firstUses = 100
	firstTTL  = 24 * time.Hour

	adminDays = 90
)

// initialize makes a broker, its authority, the first caller and the first token.
func (o *brokerOptions) initialize(env *cli.Env) error {
	dir, err := trustdir.Resolve(env, o.dir)
	if err != nil {
		return err
	}
	authorityDir, err := dir.Authority(o.authority)
	if err != nil {
		return err
	}
	cfg, err := o.addresses()
	if err != nil {
		return err
	}
	if _, err := os.Lstat(dir.BrokerConfig()); err == nil {
		return usage.Hinted(fmt.Errorf("%s is there already", dir.BrokerConfig()), "mco broker"+dir.Flag(env)+" starts that broker; mco token new"+dir.Flag(env)+" lets machines join it")
	}
	if _, err := os.Lstat(dir.ClientConfig()); err == nil {
		return usage.Hinted(fmt.Errorf("%s is there already", dir.ClientConfig()), "Move it away, or name another directory with --dir")
	}
	now := env.Now()
	a, b, err := credential.Init(dir.Broker(), authorityDir, cfg.Address, now)
	if err != nil {
		return fmt.Errorf("make the broker: %w", err)
	}
	admin := credential.Grant{Name: "admin", Collectives: []string{"mcollective"}, Allow: []credential.Rule{{Agent: "*", Action: "*"}}, Lasts: adminDays * 24 * time.Hour}
	if _, err := trust.Issue(env, a, dir, admin); err != nil {
		return err
	}
	offer := credential.Offer{Pattern: "*", Collectives: []string{"mcollective"}, Uses: firstUses, Created: now, Expires: now.Add(firstTTL), Lasts: credential.NodeDays * 24 * time.Hour}
	token, err := b.NewToken(offer)
	if err != nil {
		return err
	}
	if err := credential.WriteSecret(dir.BrokerConfig(), cfg.Encode()); err != nil {
		return err
	}
	fmt.Fprintf(env.Out, "The broker is in %s. Start it:\n\n    mco broker%s\n\n", dir, dir.Flag(env))
	fmt.Fprintf(env.Out, "On each node (up to %d, until %s):\n\n", firstUses, trustdir.Date(offer.Expires))
	fmt.Fprintf(env.Out, "mco join %s\n\n", token.Line(cfg.Address))
	fmt.Fprintf(env.Out, "Then, here: mco ping --config %s\n\n", dir.ClientConfig())
	fmt.Fprintf(env.Out, "%s makes callers and revokes, and %s may call everything. Move both off this machine\n"+
		"to where you administer from: the broker needs neither, and whoever breaks into it then can call nothing.\n", authorityDir, dir.Client())
	return nil
}

// addresses returns where the broker listens and how others reach it. A port of 0 is chosen now, since both are
// kept.
func (o *brokerOptions) addresses() (cfg trustdir.BrokerConfig, err error) {
	cfg.Listen = o.Listen
	if cfg.Listen == "" {
		cfg.Listen = listenInit
	}
	host, port, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return cfg, usage.Errorf("invalid argument: --listen %s: it is not HOST:PORT", cfg.Listen)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		return cfg, usage.Errorf("invalid argument: --listen %s: %q is not a port", cfg.Listen, port)
	} else if n == 0 {
		l, err := net.Listen("tcp", cfg.Listen)
		if err != nil {
			return cfg, err
		}
		_, port, err = net.SplitHostPort(l.Addr().String())
		if err := errors.Join(err, l.Close()); err != nil {
			return cfg, err
		}
	}
	cfg.Listen = net.JoinHostPort(host, port)
	cfg.Address = o.advertise
	if cfg.Address == "" {
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
			if host, err = os.Hostname(); err != nil {
				return cfg, usage.Hinted(fmt.Errorf("this machine has no name: %w", err), "Say how others reach it with --advertise HOST:PORT")
			}
		}
		cfg.Address = net.JoinHostPort(host, port)
	}
	if host, _, err := net.SplitHostPort(cfg.Address); err != nil || host == "" {
		return cfg, usage.Errorf("invalid argument: --advertise %s: it is not HOST:PORT", cfg.Address)
	}
	return cfg, nil
}

// fromDir takes over what --init made.
func (o *brokerOptions) fromDir(env *cli.Env) error {
	dir, err := trustdir.Resolve(env, o.dir)
	if err != nil {
		return err
	}
	b, err := dir.OpenBroker(env)
	if err != nil {
		return err
	}
	cfg, err := dir.ReadBrokerConfig()
	if err != nil {
		return err
	}
	if o.Listen == "" {
		o.Listen = cfg.Listen
	}
	o.Trust, o.Cert, o.Key = b, b.CertFile(), b.KeyFile()
	return nil
}
