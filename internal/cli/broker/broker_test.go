package broker

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"mcollective/broker"
	"mcollective/internal/cli/trustdir"
	"mcollective/internal/dirtest"
)

// Another address does not make an open broker of one that is set up for members, and who cannot look whether there
// is one starts none.
func TestTrusted(t *testing.T) {
	top := dirtest.New(t)
	if err := os.WriteFile(trustdir.Dir(top).BrokerConfig(), []byte("listen = 127.0.0.1:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	set, none := trustdir.Dir(top), trustdir.Dir(filepath.Join(top, "none"))
	unknown := trustdir.Dir(filepath.Join(top, "broker.cfg")) // what is below a file cannot be looked at
	for what, c := range map[string]struct {
		o       brokerOptions
		dir     trustdir.Dir
		home    error
		trusted bool
		fails   bool
	}{
		"nothing is set up":                 {dir: none},
		"nothing is set up, an address":     {o: brokerOptions{Options: broker.Options{Listen: "0.0.0.0:1"}}, dir: none},
		"it is set up":                      {dir: set, trusted: true},
		"it is set up, an address":          {o: brokerOptions{Options: broker.Options{Listen: "0.0.0.0:1"}}, dir: set, trusted: true},
		"it is set up, memory":              {o: brokerOptions{memory: "1G"}, dir: set, trusted: true},
		"it is set up, another certificate": {o: brokerOptions{Options: broker.Options{Cert: "x", Key: "y"}}, dir: set},
		"it is set up, a configuration":     {o: brokerOptions{Options: broker.Options{Config: "x"}}, dir: set},
		"it cannot be known":                {dir: unknown, fails: true},
		"it cannot be known, an address":    {o: brokerOptions{Options: broker.Options{Listen: "0.0.0.0:1"}}, dir: unknown, fails: true},
		"no home":                           {home: errors.New("none")},
		"a directory":                       {o: brokerOptions{dir: "x"}, dir: none, trusted: true},
	} {
		trusted, err := c.o.trusted(func() (trustdir.Dir, error) { return c.dir, c.home })
		if trusted != c.trusted || (err != nil) != c.fails {
			t.Errorf("%s: %v, %v", what, trusted, err)
		}
	}
}
