// Package token is mco token: the join tokens of the broker on this machine.
package token

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mcollective/internal/cli"
	"mcollective/internal/cli/complete"
	"mcollective/internal/cli/trustdir"
	"mcollective/internal/credential"
	"mcollective/internal/usage"
)

// tokenOptions are the flags of token.
type tokenOptions struct {
	dir         string
	name        string
	collectives []string
	roles       []string
	uses        int
	ttl         time.Duration
	days        int
}

const hint = "Use one of: new, list, revoke; see mco help token"

// New makes the command token.
func New(env *cli.Env) *cobra.Command {
	o := &tokenOptions{}
	cmd := &cobra.Command{
		Use:   "token [options] new\ntoken [options] list\ntoken [options] revoke <id>",
		Short: "Let machines join the collective of this broker",
		Example: "    mco token new\n" +
			"    mco token new --uses 500 --ttl 2h --name 'web*.example.com'\n" +
			"    mco token list\n" +
			"    mco token revoke 3q2-7wAB",
	}
	set := cmd.Flags()
	trustdir.Add(set, &o.dir)
	cli.Text(set, cli.GroupOwn, &o.name, "name", "", "PATTERN", "new: names that may join, with * and ? (any)")
	set.IntVar(&o.uses, "uses", 1, "new: number of machines that may join")
	set.DurationVar(&o.ttl, "ttl", time.Hour, "new: time that the token is valid, like 30m or 2h")
	set.IntVar(&o.days, "days", credential.NodeDays, "new: days that the credentials of the nodes last")
	set.StringSliceVar(&o.collectives, "collective", []string{"mcollective"}, "new: collectives of the nodes, with commas")
	set.StringSliceVar(&o.roles, "role", nil, "new: roles of the nodes, with commas")
	for flag, value := range map[string]string{"uses": "NUMBER", "ttl": "TIME", "days": "NUMBER", "collective": "NAMES", "role": "NAMES"} {
		cli.Takes(set, flag, value)
	}
	cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return complete.Matching([]string{"list", "new", "revoke"}, word), cobra.ShellCompDirectiveNoFileComp
	}
	cmd.RunE = func(_ *cobra.Command, args []string) error { return o.run(env, args) }
	return cmd
}

func (o *tokenOptions) run(env *cli.Env, args []string) error {
	if len(args) == 0 {
		return usage.Hinted(errors.New("mco token needs to know what to do"), hint)
	}
	dir, err := trustdir.Resolve(env, o.dir)
	if err != nil {
		return err
	}
	switch verb, rest := args[0], args[1:]; {
	case verb == "new" && len(rest) == 0:
		return o.create(env, dir)
	case verb == "list" && len(rest) == 0:
		return list(env, dir)
	case verb == "revoke" && len(rest) == 1:
		b, err := dir.OpenBroker(env)
		if err != nil {
			return err
		}
		if err := b.Tokens.Remove(rest[0]); err != nil {
			return usage.Hinted(err, "mco token list"+dir.Flag(env)+" shows those that there are")
		}
		fmt.Fprintf(env.Out, "The token %s lets nobody join any more. Nodes that joined with it stay: mco trust revoke NAME ends one.\n", rest[0])
		return nil
	case verb == "new", verb == "list":
		return usage.Errorf("mco token %s takes no arguments", verb)
	case verb == "revoke":
		return usage.Errorf("mco token revoke takes the id of one token")
	default:
		return usage.Hinted(fmt.Errorf("mco token cannot %q", verb), hint)
	}
}

func (o *tokenOptions) create(env *cli.Env, dir trustdir.Dir) error {
	b, err := dir.OpenBroker(env)
	if err != nil {
		return err
	}
	cfg, err := dir.ReadBrokerConfig()
	if err != nil {
		return err
	}
	lasts, err := trustdir.Days(o.days)
	if err != nil {
		return err
	}
	pattern := o.name
	if pattern == "" {
		pattern = "*"
	}
	now := env.Now()
	offer := credential.Offer{Pattern: pattern, Collectives: o.collectives, Roles: o.roles, Uses: o.uses, Created: now, Expires: now.Add(o.ttl), Lasts: lasts}
	token, err := b.NewToken(offer)
	if err != nil {
		return usage.Errorf("make a token: %w", err)
	}
	fmt.Fprintf(env.Err, "Token %s, good for %s until %s. On each machine:\n", token.ID(), counted(o.uses), trustdir.Date(offer.Expires))
	fmt.Fprintf(env.Out, "mco join %s\n", token.Line(cfg.Address))
	return nil
}

func counted(n int) string {
	if n == 1 {
		return "1 machine"
	}
	return fmt.Sprintf("%d machines", n)
}

func list(env *cli.Env, dir trustdir.Dir) error {
	b, err := dir.OpenBroker(env)
	if err != nil {
		return err
	}
	all, err := b.Tokens.All()
	for _, o := range all {
		state := "until " + trustdir.Date(o.Expires)
		used := b.Register.Uses(o.ID)
		switch {
		case !env.Now().Before(o.Expires):
			state = "ended " + trustdir.Date(o.Expires)
		case used >= o.Uses:
			state = "used up"
		}
		fmt.Fprintf(env.Out, "%s  %d of %d used  %s  names %s  collectives %s\n", o.ID, used, o.Uses, state, o.Pattern, strings.Join(o.Collectives, ","))
	}
	if len(all) == 0 && err == nil {
		fmt.Fprintln(env.Err, "There are no tokens. mco token new"+dir.Flag(env)+" makes one.")
	}
	return err
}
