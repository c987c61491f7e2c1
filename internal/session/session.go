// Package session connects a client to a collective, as its configuration says.
package session

import (
	"context"
	"errors"
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
	Collective string // where requests go that name none; "" is the main one of the configuration

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

// A Session is a connection to a collective that is made when it is first needed, and
// serves many operations, of several goroutines. Who made it closes it.
type Session struct {
	o    Options
	busy chan struct{} // has room while nobody connects or closes

	client *client.Client
	log    *slog.Logger
	conn   connector.Connector
	logs   io.Closer
	closed bool
}

// New returns a session that is not connected yet.
func New(o Options) *Session {
	if o.Collective == "" {
		o.Collective = o.Config.MainCollective
	}
	return &Session{o: o, busy: make(chan struct{}, 1)}
}

// Open returns a session that is connected. ctx bounds the attempt, not the session.
func Open(ctx context.Context, o Options) (*Session, error) {
	s := New(o)
	if err := s.Connect(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Config returns the configuration. It is not to be changed.
func (s *Session) Config() *config.Config { return s.o.Config }

// Client returns the client of a session that is connected.
func (s *Session) Client() *client.Client { return s.client }

// Log returns the log of a session that is connected.
func (s *Session) Log() *slog.Logger { return s.log }

// Connect connects to the broker if that was not done yet; after an error it may be
// tried again. ctx bounds the attempt, not the session.
func (s *Session) Connect(ctx context.Context) error {
	select {
	case s.busy <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("wait for the connection to the broker: %w", ctx.Err())
	}
	defer func() { <-s.busy }()
	switch {
	case s.closed:
		return errors.New("connect to the broker: the session is closed")
	case s.client != nil:
		return nil
	}
	err := s.open(ctx)
	if err != nil {
		s.end()
	}
	return err
}

func (s *Session) open(ctx context.Context) error {
	o, cfg := &s.o, s.o.Config
	log, logs, err := logging.New(logging.Options{
		Type: cfg.LoggerType, Level: cfg.LogLevel, File: cfg.LogFile, KeepLogs: cfg.KeepLogs,
		MaxSize: cfg.MaxLogSize, Facility: cfg.LogFacility, Color: cfg.Color && o.Color,
		Console: o.Console, Now: o.Now,
	})
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	s.log, s.logs = log, logs
	for _, w := range cfg.Warnings {
		log.Warn(w) //lint:allow logtext what is wrong with the configuration is a sentence of its own
	}
	for _, s := range cfg.Ignored {
		log.Debug("setting without effect", "setting", s)
	}
	sec, warnings, err := o.Security(cfg)
	if err != nil {
		return fmt.Errorf("security provider %s: %w", cfg.SecurityProvider, err)
	}
	for _, w := range warnings {
		// Nobody can do anything about them before the next command, which is why
		// they do not stand above the answers of each.
		log.Info(w) //lint:allow logtext what is wrong with the configuration is a sentence of its own
	}
	connecting, cancel := context.WithTimeout(ctx, first(o.ConnectionTimeout, cfg.ConnectionTimeout, defaultConnectionTimeout))
	defer cancel()
	if s.conn, err = o.Connect(connecting, cfg, log); err != nil {
		s.conn = nil
		if ctx.Err() != nil {
			err = fmt.Errorf("interrupted: %w", err)
		}
		return fmt.Errorf("could not connect to the broker: %w", err)
	}
	s.client = client.New(s.conn, sec, client.Options{
		Identity:       cfg.Identity,
		Collective:     o.Collective,
		TTL:            first(o.TTL, cfg.TTL),
		PublishTimeout: first(o.PublishTimeout, cfg.PublishTimeout),
		BroadcastOnly:  !cfg.DirectAddressing,
		Patient:        !cfg.ExactDiscovery,
		Log:            log,
	})
	return nil
}

// Close ends the connection, if there is one. What it could complain about does not
// matter any more: the answers are here.
func (s *Session) Close() {
	s.busy <- struct{}{}
	defer func() { <-s.busy }()
	s.closed = true
	s.end()
}

func (s *Session) end() {
	if s.conn != nil {
		_ = s.conn.Close()
	}
	if s.logs != nil {
		_ = s.logs.Close()
	}
	s.conn, s.logs = nil, nil
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
