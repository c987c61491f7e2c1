package plugins

import (
	"context"
	"log/slog"
	"strings"

	"mcollective/connector"
	"mcollective/connector/nats"
	"mcollective/internal/config"
)

func connectNATS(ctx context.Context, cfg *config.Config, log *slog.Logger) (connector.Connector, error) {
	opts := nats.Options{
		Servers:     list(cfg.PluginString("nats.servers", "")),
		Identity:    cfg.Identity,
		Collectives: cfg.Collectives,
		User:        cfg.PluginString("nats.user", ""),
		Password:    cfg.PluginString("nats.password", ""),
		Token:       cfg.PluginString("nats.token", ""),
		Credentials: cfg.PluginString("nats.credentials", ""),
		NkeySeed:    cfg.PluginString("nats.nkey", ""),
		TLS: nats.TLS{
			CA:   cfg.PluginString("nats.tls.ca", ""),
			Cert: cfg.PluginString("nats.tls.cert", ""),
			Key:  cfg.PluginString("nats.tls.key", ""),
		},
		Logger: log,
	}
	conn, err := nats.Connect(ctx, opts)
	if err != nil {
		return nil, err
	}
	return conn, nil
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
