// Package plugins is the list of everything that a configuration can name, and turns those names into values.
//
// It is the one place that knows each connector, security provider and fact
// source. All others get an interface.
package plugins

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"mcollective/connector"
	"mcollective/internal/config"
	"mcollective/internal/facts"
	"mcollective/security"
)

// connectors: the values of the key connector.
var connectors = map[string]func(context.Context, *config.Config, *slog.Logger) (connector.Connector, error){
	"nats":     connectNATS,
	"activemq": connectActiveMQ,
	"rabbitmq": connectRabbitMQ,
}

// A provider makes the halves of a security provider, each with sentences that its user
// should read once.
type provider struct {
	client func(*config.Config) (sec security.Client, warnings []string, err error)
	node   func(*config.Config) (sec security.Node, warnings []string, err error)
}

// providers: the values of the key securityprovider.
var providers = map[string]provider{
	"creds": {credsClient, credsNode},
	"psk":   {pskClient, pskNode},
	"ssl":   {sslClient, sslNode},

	"aes_security": {aesClient, aesNode},
}

// Connect connects to the broker that the configuration names. With a ctx that
// has a deadline it gives up then, naming each server that it tried and why;
// otherwise it goes on trying.
func Connect(ctx context.Context, cfg *config.Config, log *slog.Logger) (connector.Connector, error) {
	connect, err := choose(connectors, cfg, "connector", cfg.Connector)
	if err != nil {
		return nil, err
	}
	return connect(ctx, cfg, log)
}

// ClientSecurity makes the client's half of the security provider, and sentences
// that the user should read once.
func ClientSecurity(cfg *config.Config) (sec security.Client, warnings []string, err error) {
	p, err := choose(providers, cfg, "securityprovider", cfg.SecurityProvider)
	if err != nil {
		return nil, nil, err
	}
	return p.client(cfg)
}

// NodeSecurity makes the node's half of the security provider, and sentences
// that belong into its log when it starts. One that is an io.Closer is to be closed.
func NodeSecurity(cfg *config.Config) (sec security.Node, warnings []string, err error) {
	p, err := choose(providers, cfg, "securityprovider", cfg.SecurityProvider)
	if err != nil {
		return nil, nil, err
	}
	return p.node(cfg)
}

// choose looks a name up in one of the lists. Ruby takes class names, so that
// "Psk" means "psk".
func choose[T any](list map[string]T, cfg *config.Config, key, name string) (T, error) {
	if v, ok := list[strings.ToLower(name)]; ok {
		return v, nil
	}
	var none T
	known := strings.Join(slices.Sorted(maps.Keys(list)), ", ")
	return none, fmt.Errorf("%s: there is no %s %q; there is %s", cfg.Origin(key), key, name, known)
}

// Facts starts to collect the facts that the configuration names. The caller closes
// them.
func Facts(ctx context.Context, cfg *config.Config, log *slog.Logger) (*facts.Facts, error) {
	return facts.Open(ctx, facts.Options{
		Source: cfg.FactSource, Dirs: cfg.FactsDirs, CacheTime: cfg.FactCacheTime, Logger: log,
		Files: filepath.SplitList(cfg.PluginString("yaml", "")),
	})
}
