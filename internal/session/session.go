// Package session connects a client to a collective, as its configuration says.
package session

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"mcollective/client"
	"mcollective/connector"
	"mcollective/internal/config"
	"mcollective/internal/logging"
	"mcollective/security"
)

// defaultConnectionTimeout is how long a client tries to reach a broker when
// nothing says otherwise. Ruby tries for ever unless told; its packages say 3.
const defaultConnectionTimeout = 3 * time.Second

// Options say how to connect. A time of 0 is that of the configuration.
type Options struct {
	Config     *config.Config
	Collective string

	TTL               time.Duration
	PublishTimeout    time.Duration
	ConnectionTimeout time.Duration

	// Connect and Security make the parts of a client that the configuration names.
	Connect  func(context.Context, *config.Config, *slog.Logger) (connector.Connector, error)
	Security func(*config.Config) (sec security.Client, warnings []string, err error)

	Console io.Writer // where a log of the type console goes
	Color   bool      // whether the console may get colours
	Now     func() time.Time
}

// A Session is a client that is connected to a collective.
type Session struct {
	Client *client.Client
	Log    *slog.Logger

	conn connector.Connector
	logs io.Closer
}

// Open connects to the broker. ctx bounds the attempt, not the session.
func Open(ctx context.Context, o Options) (*Session, error) {
	cfg := o.Config
	log, logs, err := logging.New(logging.Options{
		Type: cfg.LoggerType, Level: cfg.LogLevel, File: cfg.LogFile, KeepLogs: cfg.KeepLogs,
		MaxSize: cfg.MaxLogSize, Facility: cfg.LogFacility, Color: cfg.Color && o.Color,
		Console: o.Console, Now: o.Now,
	})
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	s := &Session{Log: log, logs: logs}
	for _, w := range cfg.Warnings {
		log.Warn(w) //lint:allow logtext what is wrong with the configuration is a sentence of its own
	}
	for _, s := range cfg.Ignored {
		log.Debug("setting without effect", "setting", s)
	}
	sec, warnings, err := o.Security(cfg)
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("security provider %s: %w", cfg.SecurityProvider, err)
	}
	for _, w := range warnings {
		// Nobody can do anything about them before the next command, which is why
		// they do not stand above the answers of each.
		log.Info(w) //lint:allow logtext what is wrong with the configuration is a sentence of its own
	}
	connecting, cancel := context.WithTimeout(ctx, first(o.ConnectionTimeout, cfg.ConnectionTimeout, defaultConnectionTimeout))
	defer cancel()
	if s.conn, err = o.Connect(connecting, cfg, log); err != nil {
		s.Close()
		if ctx.Err() != nil {
			err = fmt.Errorf("interrupted: %w", err)
		}
		return nil, fmt.Errorf("could not connect to the broker: %w", err)
	}
	s.Client = client.New(s.conn, sec, client.Options{
		Identity:       cfg.Identity,
		Collective:     o.Collective,
		TTL:            first(o.TTL, cfg.TTL),
		PublishTimeout: first(o.PublishTimeout, cfg.PublishTimeout),
		BroadcastOnly:  !cfg.DirectAddressing,
		Patient:        !cfg.ExactDiscovery,
		Log:            log,
	})
	return s, nil
}

// Close ends the connection. What it could complain about does not matter any
// more: the answers are here.
func (s *Session) Close() {
	if s.conn != nil {
		_ = s.conn.Close()
	}
	if s.logs != nil {
		_ = s.logs.Close()
	}
}

// first returns the first of the times that is set.
func first(times ...time.Duration) time.Duration {
	for _, t := range times {
		if t > 0 {
			return t
		}
	}
	return 0
}
