// Package server is mco server, the process around a node.
package server

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"mcollective/internal/cli"
	"mcollective/internal/cli/trustdir"
	"mcollective/internal/config"
	"mcollective/internal/daemon"
	"mcollective/internal/logging"
)

// serverOptions are the flags of server, which are those of mcollectived.
type serverOptions struct {
	config      string
	dir         string
	pidfile     string
	daemonize   bool
	noDaemonize bool
}

// New makes the command server.
func New(env *cli.Env) *cobra.Command {
	o := &serverOptions{}
	cmd := &cobra.Command{
		Use:   "server [options]",
		Short: "Run the node of this machine",
		Args:  cobra.NoArgs,
		Example: "    mco server --config /etc/mcollective/server.cfg\n" +
			"    mcollectived --daemonize --pidfile /run/mcollectived.pid",
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.config, "config", "c", "", "Read this configuration file, instead of the first of "+strings.Join(config.ServerPaths(), ", "))
	trustdir.Add(flags, &o.dir)
	cmd.MarkFlagsMutuallyExclusive("config", "dir")
	flags.StringVarP(&o.pidfile, "pidfile", "p", "", "Write the process id to this file")
	flags.BoolVar(&o.daemonize, "daemonize", false, "Run in the background")
	flags.BoolVar(&o.noDaemonize, "no-daemonize", false, "Run in the foreground, whatever is configured")
	cli.Takes(flags, "config", "FILE")
	cli.Takes(flags, "pidfile", "FILE")
	cmd.MarkFlagsMutuallyExclusive("daemonize", "no-daemonize")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), env) }
	return cmd
}

// run reads the configuration and goes into the background if that is wanted.
// The configuration comes first, so that its mistakes are shown where people
// look.
func (o *serverOptions) run(ctx context.Context, env *cli.Env) error {
	cfg, err := o.load(env)
	if err != nil {
		return err
	}
	var child *daemon.Detached
	if !o.noDaemonize && (o.daemonize || cfg.Daemonize) {
		var pid int
		child, pid, err = daemon.Detach()
		switch {
		case err != nil:
			return err
		case child == nil:
			fmt.Fprintf(env.Err, "The node %s runs with pid %d\n", cfg.Identity, pid)
			return nil
		}
	}
	err = o.serve(ctx, env, cfg, child)
	if err != nil {
		child.Failed(err) // nobody is waiting any more if it was ready
	}
	return err
}

// load reads the configuration, and makes the path of the pid file absolute: a daemon does
// not stay where it was started.
func (o *serverOptions) load(env *cli.Env) (*config.Config, error) {
	if o.pidfile != "" {
		abs, err := filepath.Abs(o.pidfile)
		if err != nil {
			return nil, err
		}
		o.pidfile = abs
	}
	path := o.config
	if o.dir != "" {
		path = trustdir.Dir(o.dir).ServerConfig()
	}
	return trustdir.NodeConfig(env, path)
}

// openLog opens the log that the configuration names.
func openLog(env *cli.Env, cfg *config.Config) (*slog.Logger, *logging.Control, error) {
	log, logs, err := logging.New(logging.Options{
		Type: cfg.LoggerType, Level: cfg.LogLevel, File: cfg.LogFile, KeepLogs: cfg.KeepLogs, MaxSize: cfg.MaxLogSize,
		Facility: cfg.LogFacility, Program: "mcollectived", Color: cfg.Color && env.Color(env.ErrTerminal), Console: env.Err, Now: env.Now,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("open the log: %w", err)
	}
	for _, w := range cfg.Warnings {
		log.Warn(w) //lint:allow logtext what is wrong with the configuration is a sentence of its own
	}
	for _, s := range cfg.Ignored {
		log.Debug("setting without effect", "setting", s)
	}
	return log, logs, nil
}
