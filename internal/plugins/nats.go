package plugins

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"

	"mcollective/connector"
	"mcollective/connector/nats"
	"mcollective/internal/config"
	"mcollective/internal/plainfile"
	"mcollective/internal/trust"
)

func connectNATS(ctx context.Context, cfg *config.Config, log *slog.Logger) (connector.Connector, error) {
	credentials, err := secretFile(cfg, "nats.credentials")
	if err != nil {
		return nil, err
	}
	seed, err := secretFile(cfg, "nats.nkey")
	if err != nil {
		return nil, err
	}
	opts := nats.Options{
		Servers:     list(cfg.PluginString("nats.servers", "")),
		Identity:    cfg.Identity,
		Collectives: cfg.Collectives,
		User:        cfg.PluginString("nats.user", ""),
		Password:    cfg.PluginString("nats.password", ""),
		Token:       cfg.PluginString("nats.token", ""),
		Credentials: credentials,
		NkeySeed:    seed,
		CheckSecret: checkSecret,
		TLS: nats.TLS{
			CA:   cfg.PluginString("nats.tls.ca", ""),
			Cert: cfg.PluginString("nats.tls.cert", ""),
			Key:  cfg.PluginString("nats.tls.key", ""),
		},
		Logger: log,
	}
	if strings.EqualFold(cfg.SecurityProvider, "creds") {
		if err := credsLogin(cfg, &opts); err != nil {
			return nil, err
		}
	}
	conn, err := nats.Connect(ctx, opts)
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// maxSecret bounds a file with credentials, which has some kilobytes.
const maxSecret = 1 << 20

// secretFile returns the path of a file with credentials, which the library reads at
// each connection. For the error now: later it would try for ever.
func secretFile(cfg *config.Config, key string) (path string, err error) {
	path, ok := cfg.Plugin(key)
	if !ok {
		return "", nil
	}
	if err := checkSecret(path); err != nil {
		return "", fmt.Errorf("%s: plugin.%s: %w", cfg.Origin("plugin."+key), key, err)
	}
	return path, nil
}

func checkSecret(path string) error {
	_, err := plainfile.Read(path, maxSecret)
	return cmp.Or(err, trust.Secret(path))
}

// list splits at commas and drops blanks around the parts.
func list(text string) []string {
	var parts []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}
