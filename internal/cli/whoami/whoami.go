// Package whoami is mco whoami, which shows the credentials of this machine.
package whoami

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mcollective/internal/cli"
	"mcollective/internal/cli/trustdir"
	"mcollective/internal/config"
	"mcollective/internal/credential"
	"mcollective/internal/usage"
)

// New makes the command whoami.
func New(env *cli.Env) *cobra.Command {
	var flag string
	cmd := &cobra.Command{
		Use:     "whoami [options]",
		Short:   "Show who this machine is in the collective",
		Args:    cobra.NoArgs,
		Example: "    mco whoami",
	}
	trustdir.Add(cmd.Flags(), &flag)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), env, flag) }
	return cmd
}

func run(_ context.Context, env *cli.Env, flag string) error {
	dir, err := trustdir.Resolve(env, flag)
	if err != nil {
		return err
	}
	places, err := identities(dir)
	if err != nil {
		return err
	}
	authority, err := dir.Authority("")
	if err != nil {
		return err
	}
	known := append(slices.Clone(places), dir.Broker(), authority)
	found, over := 0, false
	for _, at := range places {
		id, trust, err := credential.Load(at)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if found++; found > 1 {
			fmt.Fprintln(env.Out)
		}
		over = show(env, at, id.Credential(), latest(trust, known)) || over
	}
	if found == 0 {
		return usage.Hinted(fmt.Errorf("there is no credential in %s", dir), "A node gets one with mco join HOST:PORT#TOKEN, a caller from whoever has the authority: mco trust issue NAME")
	}
	if over {
		return cli.Exit(cli.ExitFailed)
	}
	return nil
}

// identities returns the directories with the credentials of the client and the node: those that their
// configuration names, as other commands read them.
func identities(dir trustdir.Dir) ([]string, error) {
	places := []string{dir.Client(), dir.Node()}
	for i, path := range []string{dir.ClientConfig(), dir.ServerConfig()} {
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		cfg, err := config.Load(path, []config.Role{config.Client, config.Server}[i])
		if err != nil {
			return nil, fmt.Errorf("read the configuration: %w", err)
		}
		if !strings.EqualFold(cfg.SecurityProvider, "creds") {
			continue
		}
		if at, ok := cfg.CredsDir(); ok {
			places[i] = at
		}
	}
	return places, nil
}

// latest returns the newest trust bundle of the same authority on this machine: one may know of a revocation that
// another was never told of, since a broker does not speak to who is revoked.
func latest(t *credential.Trust, places []string) *credential.Trust {
	for _, at := range places {
		if other, err := credential.LoadTrust(at); err == nil && other.Authority() == t.Authority() && other.Issued().After(t.Issued()) {
			t = other
		}
	}
	return t
}

// show prints a credential and reports whether it is not to be believed now.
func show(env *cli.Env, at string, c *credential.Credential, t *credential.Trust) (over bool) {
	err := t.InForce(c, env.Now())
	line := func(key, value string) { fmt.Fprintf(env.Out, "%12s: %s\n", key, value) }
	line(c.Kind.String(), c.Name)
	line("key", c.KeyID())
	line("collectives", strings.Join(c.Collectives, ", "))
	if len(c.Roles) > 0 {
		line("roles", strings.Join(c.Roles, ", "))
	}
	if c.Kind == credential.Caller {
		var rules []string
		for _, p := range c.Permissions {
			rules = append(rules, credential.Rule{Agent: p.Agents[0], Action: p.Actions[0]}.String())
		}
		if rules == nil {
			rules = []string{"nothing but finding nodes"}
		}
		line("may call", strings.Join(rules, ", "))
	}
	state := trustdir.Date(c.Expires)
	if left := c.Expires.Sub(env.Now()); left > 0 {
		state += fmt.Sprintf(", in %d days", int(left/(24*time.Hour)))
	}
	line("until", state)
	line("authority", t.Authority())
	line("trust from", trustdir.Date(t.Issued()))
	line("brokers", strings.Join(t.Servers(), ", "))
	line("directory", at)
	if err != nil {
		fmt.Fprintf(env.Err, "%v\n", err)
	}
	return err != nil
}
