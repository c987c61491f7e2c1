package rpcutil_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mcollective/internal/agents/rpcutil"
	"mcollective/internal/config"
	"mcollective/internal/dirtest"
	"mcollective/internal/subtest"
	"mcollective/marshal"
	"mcollective/value"
)

func load(t *testing.T, lines ...string) *config.Config {
	t.Helper()
	file := filepath.Join(dirtest.New(t), "server.cfg")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file, config.Server)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestItems has what Ruby's daemon answered for the same lines.
func TestItems(t *testing.T) {
	plain := load(t, "identity = n1", "connector = activemq", "factsource = yaml", "plugin.yaml = /f.yaml", "collectives = mcollective,eu")
	set := load(t, "default_batch_sleep_time = 2", "registration_collective = mcollective", "soft_shutdown_timeout = 5",
		"rpcauthorization = 0", "rpcauthprovider = action_policy", "discovery_timeout = 3", "loglevel = INFO", "logger_type = FILE", "logfile = /tmp/x.log", "keeplogs = 0")
	for _, test := range []struct {
		config *config.Config
		name   string
		want   any
	}{
		{plain, "identity", "n1"}, {plain, "connector", "Activemq"}, {plain, "securityprovider", "Psk"}, {plain, "factsource", "Yaml"},
		{plain, "registration", "Agentlist"}, {plain, "rpcauditprovider", ""}, {plain, "collectives", []any{"mcollective", "eu"}},
		{plain, "main_collective", "mcollective"}, {plain, "rpclimitmethod", value.Symbol("first")}, {plain, "mode", value.Symbol("server")},
		{plain, "ttl", int64(60)}, {plain, "direct_addressing", true}, {plain, "daemonize", false}, {plain, "max_log_size", int64(2097152)},
		{plain, "default_batch_sleep_time", int64(1)}, {plain, "registration_collective", nil}, {plain, "discovery_timeout", nil},
		{plain, "soft_shutdown_timeout", nil}, {plain, "connection_timeout", nil}, {plain, "default_discovery_options", []any{}},
		{plain, "configfile", plain.File}, {plain, "configdir", filepath.Dir(plain.File)}, {plain, "configured", true},
		{set, "default_batch_sleep_time", 2.0}, {set, "registration_collective", "mcollective"}, {set, "soft_shutdown_timeout", int64(5)},
		{set, "rpcauthprovider", "Action_policy"}, {set, "discovery_timeout", int64(3)}, {set, "loglevel", "info"}, {set, "logger_type", "file"},
		{set, "logfile", "/tmp/x.log"}, {set, "keeplogs", int64(0)},
	} {
		t.Run(subtest.Name(test.name), func(t *testing.T) {
			got, ok := rpcutil.Item(test.config, test.name)
			if diff := cmp.Diff(test.want, got); diff != "" || !ok {
				t.Errorf("%s: %v %s", test.name, ok, diff)
			}
		})
	}
}

// TestNoSecretIsGiven asks for everything that the configuration knows, by every
// name that could lead to a secret.
func TestNoSecretIsGiven(t *testing.T) {
	const secret = "seven-sins-of-silence"
	c := load(t, "connector = nats", "plugin.psk = "+secret, "plugin.nats.password = "+secret, "plugin.nats.token = "+secret,
		"plugin.nats.servers = nats://u:"+secret+"@127.0.0.1:4222", "plugin.activemq.pool.1.password = "+secret)
	names := []string{"pluginconf", "plugin", "psk", "plugin.psk", "nats.password", "instance_variables", "inspect", "to_s", "send", "Plugin", "File", "origins"}
	given := 0
	for _, s := range c.Redacted() {
		names = append(names, s.Key, strings.TrimPrefix(s.Key, "plugin."))
		value, ok := rpcutil.Item(c, s.Key)
		switch {
		case ok == strings.HasPrefix(s.Key, "plugin."):
			t.Errorf("%s is given: %v", s.Key, ok)
		case ok:
			given++
			if _, err := marshal.Marshal(value); err != nil {
				t.Errorf("%s cannot be sent: %v", s.Key, err)
			}
		}
	}
	if given < 45 {
		t.Errorf("only %d keys are given", given)
	}
	for _, name := range names {
		if v, _ := rpcutil.Item(c, name); strings.Contains(fmt.Sprint(v), secret) {
			t.Errorf("%s gives a secret away: %v", name, v)
		}
	}
}
