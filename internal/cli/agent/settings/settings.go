// Package settings is what the author of an agent says of where it is tried: the node's configuration, the directory, and how much is logged.
package settings

import (
	"fmt"
	"io"
	"log/slog"

	"mcollective/internal/cli"
	"mcollective/internal/config"
	"mcollective/internal/logging"
)

// Settings say where agents are, and how much is logged.
type Settings struct {
	File    string // the configuration of the node; "" is that of this machine
	Dir     string // of agents, rather than those of the configuration
	Verbose bool
}

// Config returns the configuration of the node on this machine. There need be none.
func (s *Settings) Config() (*config.Config, error) {
	path := s.File
	if path == "" {
		path, _ = config.FindServer(nil)
	}
	cfg, err := config.Load(path, config.Server)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return cfg, nil
}

// Log returns the log of what agents say, for the one who writes them.
func (s *Settings) Log(env *cli.Env) (*slog.Logger, io.Closer, error) {
	level := "info"
	if s.Verbose {
		level = "debug"
	}
	return logging.New(logging.Options{Type: "console", Level: level, Console: env.Err, Color: env.Color(env.ErrTerminal), Now: env.Now})
}
