// Package policy is mco policy, which checks the policies of this machine's node and says what they decide.
package policy

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"mcollective/internal/authorization"
	"mcollective/internal/cli"
	"mcollective/internal/cli/trustdir"
	"mcollective/internal/config"
	"mcollective/internal/facts"
	"mcollective/internal/logging"
	"mcollective/internal/plugins"
	"mcollective/internal/safetext"
	"mcollective/internal/usage"
	"mcollective/message"
)

const known = "Use one of: lint, test; see mco help policy"

// options are the flags of policy.
type options struct{ config string }

// New makes the command policy.
func New(env *cli.Env) *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "policy lint [DIRECTORY] | test CALLER AGENT ACTION",
		Short: "Check this node's policies and what they decide",
		Example: "    mco policy lint\n" +
			"    mco policy lint site/policies\n" +
			"    mco policy test cert=alice puppet runonce",
	}
	cmd.Flags().StringVarP(&o.config, "config", "c", "", "Load this configuration file of the node rather than the first of "+strings.Join(config.ServerPaths(), ", "))
	cli.Takes(cmd.Flags(), "config", "FILE")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage.Hinted(errors.New("mco policy needs to know what to do"), known)
		}
		switch args = args[1:]; cmd.Flags().Arg(0) {
		case "lint":
			return o.lint(env, args)
		case "test":
			return o.test(cmd.Context(), env, args)
		}
		return usage.Hinted(fmt.Errorf("mco policy cannot %q", cmd.Flags().Arg(0)), known)
	}
	return cmd
}

// lint reads every policy of a directory, that of the node if none is given.
func (o *options) lint(env *cli.Env, args []string) error {
	var p *authorization.Policies
	var err error
	switch len(args) {
	case 0:
		cfg, bad := trustdir.NodeConfig(env, o.config)
		if bad != nil {
			return bad
		}
		p, err = plugins.Policies(cfg, nil, nil) // nothing is decided, so nothing of the machine is asked
		if p == nil && err == nil {
			return usage.Hinted(fmt.Errorf("authorization is off in %s", cfg.File), "rpcauthorization = 1 and rpcauthprovider = action_policy switch it on; mco policy lint DIRECTORY checks files without it")
		}
	case 1:
		var dir string
		if dir, err = filepath.Abs(args[0]); err == nil {
			p, err = authorization.New(authorization.Options{Dir: dir})
		}
	default:
		return usage.Errorf("mco policy lint takes one directory, not %d", len(args))
	}
	if err != nil {
		fmt.Fprintln(env.Err, safetext.Clean(err.Error()))
		return cli.Exit(cli.ExitFailed)
	}
	agents, others, err := p.Files()
	if err != nil {
		return err
	}
	if len(others) > 0 {
		fmt.Fprintf(env.Err, "Not read, being neither groups nor AGENT.policy: %s\n", safetext.CleanLine(strings.Join(others, ", ")))
	}
	if len(agents) == 0 {
		return errors.New("there is no policy: no file of the directory is named AGENT.policy")
	}
	fmt.Fprintf(env.Out, "%d policies can be used: %s\n", len(agents), strings.Join(agents, ", "))
	return nil
}

// test says what the policies decide, and by which line.
func (o *options) test(ctx context.Context, env *cli.Env, args []string) error {
	if len(args) != 3 {
		return usage.Errorf("mco policy test takes a caller, an agent and an action, as in mco policy test cert=alice puppet runonce")
	}
	caller, agent, action := args[0], args[1], args[2]
	if err := message.ValidCallerID(caller); err != nil {
		return err
	}
	p, m, done, err := o.open(ctx, env)
	defer done()
	if err != nil {
		return err
	}
	if p == nil {
		fmt.Fprintf(env.Out, "allowed: authorization is off in %s\n", safetext.CleanLine(m.cfg.File))
		return nil
	}
	d, err := p.Decide(ctx, caller, agent, action, m)
	if err != nil {
		return fmt.Errorf("denied, since a policy cannot be read or evaluated: %w", err)
	}
	fmt.Fprintln(env.Out, safetext.CleanLine(d.String()))
	if !d.Allowed {
		return cli.Exit(cli.ExitFailed)
	}
	return nil
}

// open reads the policies of this machine's node, which are nil if it has none, and what they
// are asked about. done is to be called in any case.
func (o *options) open(ctx context.Context, env *cli.Env) (p *authorization.Policies, m *machine, done func(), err error) {
	done = func() {}
	cfg, err := trustdir.NodeConfig(env, o.config)
	if err != nil {
		return nil, nil, done, err
	}
	log, logs, err := logging.New(logging.Options{Type: "console", Level: "warn", Console: env.Err, Program: "mco", Now: env.Now})
	if err != nil {
		return nil, nil, done, err
	}
	m = &machine{cfg: cfg, classes: facts.NewClasses(cfg.ClassesFile, log)}
	if m.facts, err = plugins.Facts(ctx, cfg, log); err != nil {
		return nil, nil, done, errors.Join(err, logs.Close())
	}
	p, err = plugins.Policies(cfg, m.facts, m.classes)
	return p, m, func() { m.facts.Close(); logs.Close() }, err
}

// A machine is this one, as the policies of its node see it.
type machine struct {
	cfg     *config.Config
	facts   *facts.Facts
	classes *facts.Classes
}

func (m *machine) Identity() string             { return m.cfg.Identity }
func (m *machine) Agents() []string             { return nil }
func (m *machine) Classes() []string            { return m.classes.List() }
func (m *machine) Fact(name string) (any, bool) { return m.facts.Fact(name) }

// Data runs nothing: the data plugins are the node's.
func (m *machine) Data(_ context.Context, plugin, _ string) (map[string]any, error) {
	return nil, fmt.Errorf("the rule calls the data function %s, which only the node itself can", plugin)
}
