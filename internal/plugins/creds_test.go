package plugins

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mcollective/internal/config"
	"mcollective/internal/credential/credentialtest"
	"mcollective/internal/dirtest"
)

// A configuration that does not go with credentials is refused, with what to change.
func TestCredsConfiguration(t *testing.T) {
	s := credentialtest.New(t, time.Now())
	caller, node := s.Caller(credentialtest.CallerOf("jane")), s.Node("web1")
	load := func(lines ...string) *config.Config {
		file := filepath.Join(dirtest.New(t), "any.cfg")
		if err := os.WriteFile(file, []byte(strings.Join(append(lines, "securityprovider = creds"), "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(file, config.Server)
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	for what, c := range map[string]struct {
		node  bool
		lines []string
		want  string // "" is no error
	}{
		"a caller":            {false, []string{"plugin.creds.dir = " + caller}, ""},
		"a node":              {true, []string{"identity = web1", "plugin.creds.dir = " + node}, ""},
		"nothing":             {false, nil, "needs plugin.creds.dir"},
		"a directory of none": {false, []string{"plugin.creds.dir = /nosuch"}, "/nosuch"},
		"another broker":      {true, []string{"connector = rabbitmq", "plugin.creds.dir = " + node}, "goes with connector = nats only"},
		"a node as a caller":  {false, []string{"plugin.creds.dir = " + node}, "needs one of a caller"},
		"a caller as a node":  {true, []string{"plugin.creds.dir = " + caller}, "needs one of a node"},
		"another's name":      {true, []string{"identity = web2", "plugin.creds.dir = " + node}, "set identity = web1, or join again"},
		"no limit of age":     {true, []string{"identity = web1", "max_ttl = 0", "plugin.creds.dir = " + node}, "max_ttl or max_skew sets no limit"},
	} {
		var err error
		if c.node {
			sec, _, e := NodeSecurity(load(c.lines...))
			if err = e; err == nil {
				if err := sec.(signedNode).Close(); err != nil {
					t.Error(err)
				}
			}
		} else {
			_, _, err = ClientSecurity(load(c.lines...))
		}
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", what, err, c.want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for line, want := range map[string]string{
		"plugin.nats.tls.ca = /x":   "plugin.nats.tls.ca does not go with",
		"plugin.nats.user = joe":    "choose one of",
		"plugin.nats.token = 12345": "choose one of",
	} {
		_, err := Connect(ctx, load("plugin.creds.dir = "+caller, line), slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", line, err, want)
		}
	}
	if cfg := load("plugin.creds.dir = " + caller); cfg.MaxSkew != 30*time.Second {
		t.Errorf("max_skew is %v", cfg.MaxSkew)
	}
	if cfg := load("plugin.creds.dir = "+caller, "max_skew = 100"); cfg.MaxSkew != 100*time.Second {
		t.Errorf("max_skew = 100 is %v", cfg.MaxSkew)
	}
}
