// Package trust is mco trust: the authority of a collective, which makes callers and revokes credentials.
package trust

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mcollective/internal/cli"
	"mcollective/internal/cli/complete"
	"mcollective/internal/cli/trustdir"
	"mcollective/internal/config"
	"mcollective/internal/credential"
	"mcollective/internal/enroll"
	"mcollective/internal/usage"
)

// trustOptions are the flags of trust.
type trustOptions struct {
	dir         string
	authority   string
	to          string
	allow       []string
	collectives []string
	roles       []string
	days        int
	node        bool
	caller      bool
}

const hint = "Use one of: issue, list, show, revoke; see mco help trust"

// callerDays is how long the credentials of callers last.
const callerDays = 30

// New makes the command trust.
func New(env *cli.Env) *cobra.Command {
	o := &trustOptions{}
	cmd := &cobra.Command{
		Use: "trust [options] issue <name> --to <directory> --allow <agent[/action]>\n" +
			"trust [options] list\n" +
			"trust [options] show <name>\n" +
			"trust [options] revoke <name or key>",
		Short: "Make callers, and revoke credentials",
		Example: "    mco trust issue jane --to ./jane --allow puppet --allow service/status\n" +
			"    mco trust list\n" +
			"    mco trust revoke web1.example.com",
	}
	set := cmd.Flags()
	trustdir.Add(set, &o.dir)
	cli.Text(set, cli.GroupOwn, &o.authority, "authority", "", "DIRECTORY", "Directory of the authority (authority in --dir)")
	cli.Text(set, cli.GroupOwn, &o.to, "to", "", "DIRECTORY", "issue: directory for the caller's configuration and key")
	set.StringSliceVar(&o.allow, "allow", nil, "issue: what the caller may call, like puppet or service/status; '*' is all")
	set.StringSliceVar(&o.collectives, "collective", []string{"mcollective"}, "issue: collectives of the caller, with commas")
	set.StringSliceVar(&o.roles, "role", nil, "issue: roles of the caller, with commas")
	set.IntVar(&o.days, "days", callerDays, "issue: days that the credential lasts")
	set.BoolVar(&o.node, "node", false, "revoke: the name is that of a node")
	set.BoolVar(&o.caller, "caller", false, "revoke: the name is that of a caller")
	for flag, value := range map[string]string{"allow": "RULES", "collective": "NAMES", "role": "NAMES", "days": "NUMBER"} {
		cli.Takes(set, flag, value)
	}
	cmd.MarkFlagsMutuallyExclusive("node", "caller")
	cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return complete.Matching([]string{"issue", "list", "revoke", "show"}, word), cobra.ShellCompDirectiveNoFileComp
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, stop := env.Interruptible(cmd.Context())
		defer stop()
		return o.run(ctx, env, args)
	}
	return cmd
}

func (o *trustOptions) run(ctx context.Context, env *cli.Env, args []string) error {
	if len(args) == 0 {
		return usage.Hinted(errors.New("mco trust needs to know what to do"), hint)
	}
	dir, err := trustdir.Resolve(env, o.dir)
	if err != nil {
		return err
	}
	verb, rest := args[0], args[1:]
	switch verb {
	case "issue", "show", "revoke":
		if len(rest) != 1 {
			return usage.Errorf("mco trust %s takes one name, not %d", verb, len(rest))
		}
	case "list":
		if len(rest) != 0 {
			return usage.Errorf("mco trust list takes no arguments")
		}
	default:
		return usage.Hinted(fmt.Errorf("mco trust cannot %q", verb), hint)
	}
	switch verb {
	case "issue":
		return o.issue(env, dir, rest[0])
	case "revoke":
		return o.revoke(ctx, env, dir, rest[0])
	case "show":
		return o.show(env, dir, rest[0])
	}
	return o.list(env, dir)
}

// open reads the directory of the authority.
func (o *trustOptions) open(dir trustdir.Dir) (*credential.Authority, error) {
	path, err := dir.Authority(o.authority)
	if err != nil {
		return nil, err
	}
	a, err := credential.OpenAuthority(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usage.Hinted(err, "Only the authority makes callers and revokes; run this where its directory is, or name that with --authority")
	}
	return a, err
}

func (o *trustOptions) issue(env *cli.Env, dir trustdir.Dir, name string) error {
	if o.to == "" {
		return usage.Errorf("mco trust issue needs --to DIRECTORY, where it puts the caller's configuration and key")
	}
	if len(o.allow) == 0 {
		return usage.Errorf("mco trust issue needs --allow AGENT or AGENT/ACTION; --allow '*' is everything")
	}
	g := credential.Grant{Name: name, Collectives: o.collectives, Roles: o.roles}
	for _, text := range o.allow {
		rule, err := credential.ParseRule(text)
		if err != nil {
			return usage.Errorf("invalid argument: --allow %s: %w", text, err)
		}
		g.Allow = append(g.Allow, rule)
	}
	var err error
	if g.Lasts, err = trustdir.Days(o.days); err != nil {
		return err
	}
	a, err := o.open(dir)
	if err != nil {
		return err
	}
	to, err := trustdir.Resolve(env, o.to)
	if err != nil {
		return err
	}
	if err := empty(to); err != nil {
		return err
	}
	c, err := Issue(env, a, to, g)
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Out, "%s is a caller until %s. Move %s to where %s works; the key in there is nobody else's.\n", c.Name, trustdir.Date(c.Expires), to, c.Name)
	fmt.Fprintf(env.Out, "Try it: mco ping --config %s\n", to.ClientConfig())
	return nil
}

// empty returns why the directory of a new caller is not one that can be handed over: there is something in it.
func empty(to trustdir.Dir) error {
	entries, err := os.ReadDir(string(to))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%s is not empty: %s is in there", to, entries[0].Name())
	}
	if err != nil {
		return usage.Hinted(err, "Name a directory that is not there yet with --to: all of it goes to the caller")
	}
	return nil
}

// Issue makes a caller with a new key, and writes its configuration and identity into a directory that has none.
func Issue(env *cli.Env, a *credential.Authority, to trustdir.Dir, g credential.Grant) (*credential.Credential, error) {
	for _, path := range []string{to.ClientConfig(), to.Client()} {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return nil, usage.Hinted(fmt.Errorf("%s is there already", path), "Remove it if nobody needs the caller in there, or name another directory")
		}
	}
	undo, err := to.Prepare(to.Client())
	if err != nil {
		return nil, err
	}
	defer undo() // of what is empty still
	key, err := credential.NewKey()
	if err != nil {
		return nil, err
	}
	token, err := a.IssueCaller(key.Public(), g, env.Now())
	if err != nil {
		return nil, err
	}
	t, err := a.HandOut()
	if err != nil {
		return nil, err
	}
	id, err := credential.Create(to.Client(), key, token, t)
	if err != nil {
		return nil, err
	}
	c := id.Credential()
	_, err = trustdir.WriteConfig(to.ClientConfig(), config.Client, c, t.Servers())
	return c, err
}

// A member is somebody who got a credential.
type member struct {
	credential.Entry
	kind credential.Kind
}

// members returns all that the authority and the broker in these directories know of, and whom they trust. It is
// an error if neither is there.
func (o *trustOptions) members(dir trustdir.Dir) (all []member, t *credential.Trust, err error) {
	path, err := dir.Authority(o.authority)
	if err != nil {
		return nil, nil, err
	}
	a, err := credential.OpenAuthority(path)
	switch {
	case err == nil:
		for _, e := range a.Issued().All() {
			all = append(all, member{e, credential.Caller})
		}
		t = a.Trust()
	case !errors.Is(err, fs.ErrNotExist):
		return nil, nil, err
	}
	b, err := credential.OpenBrokerDir(dir.Broker())
	switch {
	case err == nil:
		for _, e := range b.Register.All() {
			all = append(all, member{e, credential.Node})
		}
		if t == nil || b.Kit.Trust.Issued().After(t.Issued()) {
			t = b.Kit.Trust
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, nil, err
	}
	if t == nil {
		return nil, nil, usage.Hinted(fmt.Errorf("there is neither an authority in %s nor a broker in %s", path, dir), "mco broker --init makes both; --dir and --authority name other directories")
	}
	return all, t, nil
}

// state says in words whether a credential is in force.
func (m member) state(t *credential.Trust, now time.Time) string {
	switch {
	case t.Revoked(m.Key, m.Issued):
		return "revoked"
	case !now.Before(m.Expires):
		return "ended " + trustdir.Date(m.Expires)
	}
	return "until " + trustdir.Date(m.Expires)
}

func (o *trustOptions) list(env *cli.Env, dir trustdir.Dir) error {
	all, t, err := o.members(dir)
	if err != nil {
		return err
	}
	for _, m := range all {
		fmt.Fprintf(env.Out, "%-6s  %s  %s\n", m.kind, m.Name, m.state(t, env.Now()))
	}
	return nil
}

func (o *trustOptions) show(env *cli.Env, dir trustdir.Dir, name string) error {
	all, t, err := o.members(dir)
	if err != nil {
		return err
	}
	found := false
	for _, m := range all {
		if !credential.SameName(m.Name, name) && m.Key != name {
			continue
		}
		if found {
			fmt.Fprintln(env.Out)
		}
		found = true
		line := func(key, value string) { fmt.Fprintf(env.Out, "%12s: %s\n", key, value) }
		line(m.kind.String(), m.Name)
		line("key", m.Key)
		line("collectives", strings.Join(m.Collectives, ", "))
		if len(m.Roles) > 0 {
			line("roles", strings.Join(m.Roles, ", "))
		}
		line("issued", trustdir.Date(m.Issued))
		line("state", m.state(t, env.Now()))
		if m.Token != "" {
			line("joined with", "token "+m.Token)
		}
	}
	if !found {
		return usage.Hinted(fmt.Errorf("nobody here is called %q", name), "mco trust list"+dir.Flag(env)+" shows all")
	}
	return nil
}

func (o *trustOptions) revoke(ctx context.Context, env *cli.Env, dir trustdir.Dir, name string) error {
	a, err := o.open(dir)
	if err != nil {
		return err
	}
	key, who, err := o.keyOf(dir, name)
	if err != nil {
		return err
	}
	if err := o.notMyself(dir, key, who); err != nil {
		return err
	}
	b, err := a.Revoke(key, env.Now())
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Out, "Revoked %s.\n", who)
	return deliver(ctx, env, dir, a, b)
}

// notMyself returns why the client of this machine cannot be revoked from here, or nil: where the broker's directory
// is not, that client is to bring the bundle to the broker, which a bundle that revokes it keeps it from, and all
// that follow.
func (o *trustOptions) notMyself(dir trustdir.Dir, key, who string) error {
	if _, err := os.Lstat(dir.Broker()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	id, _, err := credential.Load(dir.Client())
	if err != nil || id.PublicKey() != key {
		return nil // who cannot bring it says so
	}
	authority, err := dir.Authority(o.authority)
	if err != nil {
		return err
	}
	return usage.Hinted(fmt.Errorf("%s brings revocations from here to the broker, and could not bring its own; nobody is revoked", who),
		"Make another caller and revoke as that one: mco trust issue NAME --to OTHER --allow '*' --authority "+authority+
			", then mco trust revoke "+key+" --dir OTHER --authority "+authority)
}

// keyOf returns the key that a name stands for.
func (o *trustOptions) keyOf(dir trustdir.Dir, name string) (key, who string, err error) {
	all, _, err := o.members(dir)
	if err != nil {
		return "", "", err
	}
	var found []member
	for _, m := range all {
		if o.node && m.kind != credential.Node || o.caller && m.kind != credential.Caller {
			continue
		}
		if credential.SameName(m.Name, name) || m.Key == name {
			found = append(found, m)
		}
	}
	switch {
	case len(found) == 1:
		return found[0].Key, "the " + found[0].kind.String() + " " + found[0].Name, nil
	case len(found) > 1:
		return "", "", usage.Hinted(fmt.Errorf("%s is a node and a caller", name), "Say which with --node or --caller")
	case credential.ValidKey(name):
		return name, "the key " + name, nil
	}
	return "", "", usage.Hinted(fmt.Errorf("nobody here is called %q", name), "Where the broker's directory is not, name the key: mco whoami shows it on the machine itself, mco trust show at the broker")
}

// askTimeout bounds how long one broker may take to take over a trust bundle.
const askTimeout = 20 * time.Second

// deliver brings a new bundle to the broker, by its directory if that is here, and says that the broker has it once
// the broker said so to the client of this machine. Without one nobody can ask it.
func deliver(ctx context.Context, env *cli.Env, dir trustdir.Dir, a *credential.Authority, b credential.Bundle) error {
	disk, err := credential.LoadTrust(dir.Broker())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the broker does not know yet: %w", err)
	}
	local := err == nil
	if local {
		if _, err := disk.Update(b); err != nil {
			return fmt.Errorf("the broker does not know yet: its trust bundle: %w", err)
		}
	}
	server, err := tell(ctx, env, dir, a, b)
	switch {
	case err == nil:
		fmt.Fprintf(env.Out, "The broker at %s knows.\n", server)
	case local:
		fmt.Fprintf(env.Out, "It is in %s, where a broker that runs looks each second. Whether it has taken it over could not be asked: %v.\n", dir.Broker(), err)
	default:
		return usage.Hinted(fmt.Errorf("the broker does not know yet: %w", err), "Copy "+filepath.Join("AUTHORITY", "trust.json")+" over broker/trust.json in the broker's directory")
	}
	return nil
}

// tell brings a bundle to a broker as the client of this machine, and returns the address of the one that has it now.
func tell(ctx context.Context, env *cli.Env, dir trustdir.Dir, a *credential.Authority, b credential.Bundle) (server string, err error) {
	id, t, err := credential.Load(dir.Client())
	if err != nil {
		return "", fmt.Errorf("there is no client to ask with: %w", err)
	}
	if _, err := t.Update(b); err != nil {
		return "", err
	}
	failed := errors.New("the authority knows no address of it")
	for i, server := range a.Trust().Servers() {
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		_, err := enroll.Refresh(ctx, server, id, t, false, env.Now())
		cancel()
		if err == nil {
			return server, nil
		}
		if i == 0 {
			failed = nil
		}
		failed = errors.Join(failed, err)
	}
	return "", failed
}
