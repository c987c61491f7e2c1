// Package trustdir is the directory in which the parts of a trusted collective are on one machine: a broker, its
// authority, a client, a node, each with its configuration.
package trustdir

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"mcollective/internal/cli"
	"mcollective/internal/credential"
	"mcollective/internal/plainfile"
	"mcollective/internal/usage"
)

// A Dir is such a directory.
type Dir string

// Add adds the flag --dir.
func Add(set *pflag.FlagSet, p *string) {
	cli.Text(set, cli.GroupOwn, p, "dir", "", "DIRECTORY", "Directory of keys and configuration (/etc/mcollective for root, else ~/.config/mcollective)")
}

// Resolve returns the directory that a flag names, or the default, as an absolute path.
func Resolve(env *cli.Env, flag string) (Dir, error) {
	if flag != "" {
		dir, err := filepath.Abs(flag)
		return Dir(dir), err
	}
	if os.Geteuid() == 0 {
		return "/etc/mcollective", nil
	}
	if xdg := env.Getenv("XDG_CONFIG_HOME"); filepath.IsAbs(xdg) {
		return Dir(filepath.Join(xdg, "mcollective")), nil
	}
	if home := env.Getenv("HOME"); filepath.IsAbs(home) {
		return Dir(filepath.Join(home, ".config", "mcollective")), nil
	}
	return "", usage.Hinted(errors.New("there is no home directory"), "Name a directory with --dir")
}

func (d Dir) at(name string) string { return filepath.Join(string(d), name) }

// Broker returns the directory of the broker's keys.
func (d Dir) Broker() string { return d.at("broker") }

// Client returns the directory of the client's identity.
func (d Dir) Client() string { return d.at("client") }

// Node returns the directory of the node's identity.
func (d Dir) Node() string { return d.at("node") }

// BrokerConfig returns the broker's configuration file.
func (d Dir) BrokerConfig() string { return d.at("broker.cfg") }

// ClientConfig returns the client's configuration file.
func (d Dir) ClientConfig() string { return d.at("client.cfg") }

// ServerConfig returns the node's configuration file.
func (d Dir) ServerConfig() string { return d.at("server.cfg") }

// Authority returns the directory of the authority, which a flag may have elsewhere.
func (d Dir) Authority(flag string) (string, error) {
	if flag == "" {
		return d.at("authority"), nil
	}
	return filepath.Abs(flag)
}

// Flag returns how to name the directory to another command, with a blank before: nothing if it is the default.
func (d Dir) Flag(env *cli.Env) string {
	if usual, err := Resolve(env, ""); err == nil && usual == d {
		return ""
	}
	return " --dir " + string(d)
}

// OpenBroker reads the directory of the broker's keys.
func (d Dir) OpenBroker(env *cli.Env) (*credential.BrokerDir, error) {
	b, err := credential.OpenBrokerDir(d.Broker())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usage.Hinted(fmt.Errorf("there is no broker in %s: %w", d, err), "mco broker --init"+d.Flag(env)+" makes one; --dir names another directory")
	}
	return b, err
}

// A BrokerConfig is what broker.cfg says.
type BrokerConfig struct {
	Listen  string // where the broker accepts connections
	Address string // how others reach it
}

const brokerConfigText = `# Written by mco broker --init.
# Where the broker accepts connections:
listen = %s
# How nodes and clients reach it, as join tokens name it:
address = %s
`

// Encode writes broker.cfg.
func (c BrokerConfig) Encode() []byte { return fmt.Appendf(nil, brokerConfigText, c.Listen, c.Address) }

// ReadBrokerConfig reads broker.cfg. What it does not know is an error.
func (d Dir) ReadBrokerConfig() (c BrokerConfig, err error) {
	path := d.BrokerConfig()
	data, err := plainfile.Read(path, 64<<10)
	if err != nil {
		return c, err
	}
	fields := map[string]*string{"listen": &c.Listen, "address": &c.Address}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, found := strings.Cut(line, "=")
		field := fields[strings.TrimSpace(key)]
		if !found || field == nil {
			return c, fmt.Errorf("%s:%d: %.60q is neither listen nor address", path, n, line)
		}
		*field = strings.TrimSpace(value)
	}
	for key, value := range fields {
		if _, _, err := net.SplitHostPort(*value); err != nil {
			return c, fmt.Errorf("%s: %s = %.60q is not HOST:PORT", path, key, *value)
		}
	}
	return c, lines.Err()
}

// Days returns a number of days as a duration.
func Days(n int) (time.Duration, error) {
	if n < 1 || n > 3650 {
		return 0, usage.Errorf("invalid argument: --days %d: it must be between 1 and 3650", n)
	}
	return time.Duration(n) * 24 * time.Hour, nil
}

// Date writes a time for people.
func Date(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }
