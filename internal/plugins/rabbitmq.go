package plugins

import (
	"context"
	"log/slog"

	"mcollective/connector"
	"mcollective/connector/rabbitmq"
	"mcollective/internal/config"
)

func connectRabbitMQ(ctx context.Context, cfg *config.Config, log *slog.Logger) (connector.Connector, error) {
	r := pluginReader{cfg: cfg, plugin: "rabbitmq"}
	pool, err := stompOptions(&r, log)
	if err != nil {
		return nil, err
	}
	o := rabbitmq.Options{
		Identity:         cfg.Identity,
		Stomp:            pool,
		Collectives:      cfg.Collectives,
		Base64:           r.bool("base64"),
		AgentsMultiplex:  r.bool("agents_multiplex"),
		UseReplyExchange: r.bool("use_reply_exchange"),
	}
	if r.err != nil {
		return nil, r.err
	}
	return rabbitmq.Connect(ctx, o)
}
