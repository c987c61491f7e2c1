package cli

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"mcollective/client"
	"mcollective/connector"
	"mcollective/internal/config"
	"mcollective/internal/logging"
	"mcollective/internal/usage"
)

// defaultConnectionTimeout is how long a client tries to reach a broker when
// nothing says otherwise. Ruby tries for ever unless told; its packages say 3.
const defaultConnectionTimeout = 3 * time.Second

// A session is a client that is connected to a collective.
type session struct {
	config     *config.Config
	collective string
	client     *client.Client
	log        *slog.Logger

	conn connector.Connector
	logs *logging.Control
}

// configuration reads the client's configuration and checks the flags that depend
// on it.
func (f *clientFlags) configuration(env *Env) (*config.Config, string, error) {
	env.raw = f.raw
	path := f.config
	if path == "" {
		path, _ = config.FindClient(env.Getenv, nil)
	}
	cfg, err := config.Load(path, config.Client)
	if err != nil {
		return nil, "", fmt.Errorf("read the configuration: %w", err)
	}
	collective := cfg.MainCollective
	if f.target != "" {
		collective = f.target
	}
	if !slices.Contains(cfg.Collectives, collective) {
		return nil, "", usage.Errorf("Unknown collective '%s' known collectives are '%s'", collective, strings.Join(cfg.Collectives, ", "))
	}
	return cfg, collective, nil
}

// open connects to the broker.
func (f *clientFlags) open(ctx context.Context, env *Env, cfg *config.Config, collective string) (*session, error) {
	log, logs, err := newLog(env, cfg)
	if err != nil {
		return nil, err
	}
	s := &session{config: cfg, collective: collective, log: log, logs: logs}
	for _, w := range cfg.Warnings {
		log.Warn(w)
	}
	for _, s := range cfg.Ignored {
		log.Debug("setting without effect", "setting", s)
	}
	sec, warnings, err := env.ClientSecurity(cfg)
	if err != nil {
		s.close()
		return nil, fmt.Errorf("security provider %s: %w", cfg.SecurityProvider, err)
	}
	for _, w := range warnings {
		// Nobody can do anything about them before the next command, which is why
		// they do not stand above the answers of each.
		log.Info(w)
	}
	timeout := f.connectionTimeout.or(cfg.ConnectionTimeout, defaultConnectionTimeout)
	connecting, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if s.conn, err = env.Connect(connecting, cfg, log); err != nil {
		s.close()
		if ctx.Err() != nil {
			err = fmt.Errorf("interrupted: %w", err)
		}
		return nil, fmt.Errorf("could not connect to the broker: %w", err)
	}
	s.client = client.New(s.conn, sec, client.Options{
		Identity:       cfg.Identity,
		Collective:     collective,
		TTL:            f.ttl.or(cfg.TTL),
		PublishTimeout: f.publishTimeout.or(cfg.PublishTimeout),
		BroadcastOnly:  !cfg.DirectAddressing,
		Patient:        !cfg.ExactDiscovery,
		Log:            log,
	})
	return s, nil
}

// close ends the connection. What it could complain about does not matter any
// more: the answers are here.
func (s *session) close() {
	if s.conn != nil {
		_ = s.conn.Close()
	}
	if s.logs != nil {
		_ = s.logs.Close()
	}
}

// newLog opens the log that the configuration names.
func newLog(env *Env, cfg *config.Config) (*slog.Logger, *logging.Control, error) {
	log, control, err := logging.New(logging.Options{
		Type: cfg.LoggerType, Level: cfg.LogLevel, File: cfg.LogFile, KeepLogs: cfg.KeepLogs,
		MaxSize: cfg.MaxLogSize, Facility: cfg.LogFacility, Color: cfg.Color && env.color(env.ErrTerminal),
		Console: env.Err, Now: env.Now,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("open the log: %w", err)
	}
	return log, control, nil
}
