// Package broker is mco broker, which runs the broker of a collective.
package broker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"mcollective/broker"
	"mcollective/internal/cli"
	"mcollective/internal/cli/trustdir"
	"mcollective/internal/daemon"
	"mcollective/internal/logging"
	"mcollective/internal/usage"
)

// brokerOptions are the flags of broker.
type brokerOptions struct {
	broker.Options
	memory    string
	verbose   bool
	init      bool
	dir       string
	authority string
	advertise string
}

// brokerGCPercent bounds how much garbage a broker has beside what it uses.
//
// There is no GOMEMLIMIT by default. A message that was announced counts in full
// for it, though nothing of it has come: a few hundred would have the runtime collect
// garbage and do nothing else, and the broker could not cut them off.
const brokerGCPercent = 50

// New makes the command broker.
func New(env *cli.Env) *cobra.Command {
	o := &brokerOptions{}
	cmd := &cobra.Command{
		Use:   "broker [options]",
		Short: "Run the broker of a collective",
		Args:  cobra.NoArgs,
		Example: "    mco broker --init\n" +
			"    mco broker\n" +
			"    mco broker --listen 0.0.0.0:4222 --tls-cert broker.pem \\\n        --tls-key broker.key --tls-ca ca.pem\n" +
			"    mco broker --config /etc/mcollective/broker.conf",
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.init, "init", false, "Set up the broker of a new collective, and print how machines join")
	trustdir.Add(flags, &o.dir)
	cli.Text(flags, cli.GroupOwn, &o.authority, "authority", "", "DIRECTORY", "With --init: directory for the authority (DIRECTORY/authority)")
	cli.Text(flags, cli.GroupOwn, &o.advertise, "advertise", "", "HOST:PORT", "With --init: address that nodes and clients connect to")
	flags.StringVarP(&o.Listen, "listen", "l", "", "Address to accept connections on ("+broker.DefaultListen+"; with --init "+listenInit+")")
	flags.StringVarP(&o.Config, "config", "c", "", "Configuration file of nats-server; excludes the other options")
	flags.StringVar(&o.Cert, "tls-cert", "", "Certificate of the broker; requires TLS")
	flags.StringVar(&o.Key, "tls-key", "", "Key of the certificate")
	flags.StringVar(&o.CA, "tls-ca", "", "Accept only clients with a certificate of this authority")
	flags.StringVar(&o.memory, "memory", "", "Memory that the broker may use, like 512M (what GOMEMLIMIT, the control group or the machine allows)")
	flags.BoolVarP(&o.verbose, "verbose", "v", false, "Log connections and requests of clients")
	cli.Takes(flags, "listen", "HOST:PORT")
	cli.Takes(flags, "memory", "SIZE")
	for _, name := range []string{"config", "tls-cert", "tls-key", "tls-ca"} {
		cli.Takes(flags, name, "FILE")
	}
	for _, name := range []string{"config", "tls-cert", "tls-key", "tls-ca", "memory"} {
		cmd.MarkFlagsMutuallyExclusive("init", name)
	}
	for _, name := range []string{"config", "tls-cert", "tls-key", "tls-ca"} {
		cmd.MarkFlagsMutuallyExclusive("dir", name)
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch {
		case o.init:
			return o.initialize(env)
		case o.authority+o.advertise != "":
			return usage.Errorf("--authority and --advertise go with --init")
		}
		return o.run(cmd.Context(), env)
	}
	return cmd
}

func (o *brokerOptions) run(ctx context.Context, env *cli.Env) error {
	level := "info"
	if o.verbose {
		level = "debug"
	}
	log, logs, err := logging.New(logging.Options{Type: "console", Level: level, Color: env.Color(env.ErrTerminal), Console: env.Err, Now: env.Now})
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	defer logs.Close()
	o.Logger = log
	if o.memory != "" {
		if o.Memory, err = parseMemory(o.memory); err != nil {
			return err
		}
	}
	trusted, err := o.trusted(func() (trustdir.Dir, error) { return trustdir.Resolve(env, "") })
	if err != nil {
		return err
	}
	if trusted {
		if err := o.fromDir(env); err != nil {
			return err
		}
	}
	b, err := broker.New(o.Options)
	if err != nil {
		return err
	}
	if env.Getenv("GOGC") == "" {
		debug.SetGCPercent(brokerGCPercent)
	}
	ctx, stop := env.Interruptible(ctx)
	defer stop()
	systemd := daemon.NewNotifier()
	defer daemon.WatchUntil(ctx, daemon.Actions{Reload: func() { reload(b, log) }})()
	err = b.Run(ctx, func() {
		fmt.Fprintln(env.Err, describeBroker(b))
		daemon.LogNotified(log, systemd.Ready("serving "+b.Addr()))
	})
	daemon.LogNotified(log, systemd.Stopping(""))
	if errors.Is(err, syscall.EADDRINUSE) {
		return usage.Hinted(err, "Another broker may be running; --listen takes another address, like --listen 127.0.0.1:4223")
	}
	return err
}

func reload(b *broker.Broker, log *slog.Logger) {
	if err := b.Reload(); err != nil {
		log.Error("reload failed; everything stays as it was", "error", err)
		return
	}
	log.Info("configuration and certificates read again")
}

// parseMemory reads an amount of memory: a number of bytes, or of K, M or G.
func parseMemory(text string) (int64, error) {
	number, unit := strings.TrimSuffix(strings.TrimSuffix(strings.ToUpper(text), "B"), "I"), int64(1)
	for suffix, factor := range map[string]int64{"K": 1 << 10, "M": 1 << 20, "G": 1 << 30} {
		if n, ok := strings.CutSuffix(number, suffix); ok {
			number, unit = n, factor
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n <= 0 || n > 1<<60/unit {
		return 0, fmt.Errorf("--memory: %q is not an amount of memory, such as 512M or 4G", text)
	}
	return n * unit, nil
}

// trusted reports whether the broker that --init made is meant: its directory is named, or it is in the usual one
// and none of the options of another broker is there. --listen is none of them: it must not open to strangers what
// is set up for members. Not to know is an error for the same reason.
func (o *brokerOptions) trusted(usual func() (trustdir.Dir, error)) (bool, error) {
	if o.dir != "" {
		return true, nil
	}
	if o.Config+o.Cert+o.Key+o.CA != "" {
		return false, nil
	}
	dir, err := usual()
	if err != nil {
		return false, nil // without a home there is none to look in
	}
	_, err = os.Stat(dir.BrokerConfig())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for the broker that --init makes: %w", err)
	}
	return true, nil
}

// describeBroker says in one line where a broker is and who gets in.
func describeBroker(b *broker.Broker) string {
	who := "for anyone who reaches it and has a password or key"
	switch {
	case b.Trusted():
		who = "for the members of its collective"
	case b.Local() && b.Open():
		who = "for this machine only; --listen HOST:PORT opens it to others"
	case b.Local():
		who = "for this machine only"
	case b.Open():
		who = "for anyone who reaches it; --tls-ca or the accounts of a --config keep strangers out"
	}
	return "Broker " + b.ClientURL() + ", " + who
}
