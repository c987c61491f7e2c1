package fleettest

import (
	"fmt"
	"log/slog"
	"path/filepath"

	"mcollective/internal/app"
	"mcollective/internal/config"
	"mcollective/internal/dirtest"
	"mcollective/internal/waittest"
)

// ServerConfig writes the configuration of a whole node, in a directory of its own
// with facts (operatingsystem CentOS, processorcount 4) and the class apache, and
// returns its path. It needs a fleet with a Broker. Lines in more count last.
func (f *Fleet) ServerConfig(identity, more string) string {
	f.t.Helper()
	dir := dirtest.New(f.t)
	classes := dirtest.Write(f.t, filepath.Join(dir, "classes.txt"), "apache\n", 0o600)
	facts := dirtest.Write(f.t, filepath.Join(dir, "facts.yaml"), "operatingsystem: CentOS\nprocessorcount: 4\n", 0o600)
	text := f.config(identity) + fmt.Sprintf("classesfile = %s\nfactsource = yaml\nplugin.yaml = %s\n%s\n", classes, facts, more)
	return dirtest.Write(f.t, filepath.Join(dir, "server.cfg"), text, 0o600)
}

// ClientConfig writes the configuration of a client, and returns its path. It needs a
// fleet with a Broker.
func (f *Fleet) ClientConfig(identity, more string) string {
	f.t.Helper()
	return dirtest.Write(f.t, filepath.Join(dirtest.New(f.t), "client.cfg"), f.config(identity)+more+"\n", 0o600)
}

func (f *Fleet) config(identity string) string {
	f.t.Helper()
	if f.Broker == nil {
		f.t.Fatal("only a fleet with a broker can be configured")
	}
	return fmt.Sprintf("identity = %s\nconnector = nats\nplugin.nats.servers = %s\nplugin.psk = %s\nlogger_type = console\n",
		identity, f.Broker.ClientURL(), Secret)
}

// Host starts a whole node, the one of mco server, and returns it when it can be
// reached. It ends with the test, unless the test has stopped it.
func (f *Fleet) Host(identity, more string, log *slog.Logger) *app.Node {
	f.t.Helper()
	cfg, err := config.Load(f.ServerConfig(identity, more), config.Server)
	if err != nil {
		f.t.Fatal(err)
	}
	n := app.NewNode(app.NodeOptions{Config: cfg, Log: log})
	if err := n.Start(waittest.Within(f.t, waittest.Patience)); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		if err := n.Stop(); err != nil {
			f.t.Error(err)
		}
	})
	waittest.Receive(f.t, "the node to be ready", n.Ready())
	return n
}
