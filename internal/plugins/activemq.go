package plugins

import (
	"context"
	"log/slog"

	"mcollective/connector"
	"mcollective/connector/activemq"
	"mcollective/internal/config"
)

func connectActiveMQ(ctx context.Context, cfg *config.Config, log *slog.Logger) (connector.Connector, error) {
	r := pluginReader{cfg: cfg, plugin: "activemq"}
	pool, err := stompOptions(&r, log)
	if err != nil {
		return nil, err
	}
	o := activemq.Options{
		Identity:        cfg.Identity,
		Stomp:           pool,
		Collectives:     cfg.Collectives,
		Priority:        r.int("priority"),
		Base64:          r.bool("base64"),
		AgentsMultiplex: r.bool("agents_multiplex"),
	}
	if r.err != nil {
		return nil, r.err
	}
	return activemq.Connect(ctx, o)
}
