package cli

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mcollective/client"
	"mcollective/discovery"
	"mcollective/filter"
	"mcollective/internal/config"
	"mcollective/internal/render"
	"mcollective/internal/usage"
)

// findOptions are the flags of find.
type findOptions struct {
	clientFlags
}

func newFind(env *Env) *cobra.Command {
	o := &findOptions{}
	cmd := &cobra.Command{
		Use:   "find [options] [filters]",
		Short: "Find hosts using the discovery system matching filter criteria",
		Example: "    mco find -F operatingsystem=CentOS -F 'processorcount>1'\n" +
			"    mco find -S \"webserver and not environment=production\"\n" +
			"    mco find -C webserver -j | mco find -I /^web/",
	}
	o.add(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.check(cmd, args); err != nil {
			return err
		}
		if err := refuse(cmd, "it asks nothing of the nodes it finds", "batch", "batch-sleep", "reply-to", "display"); err != nil {
			return err
		}
		if err := refuse(cmd, "nodes are picked anew each time", "limit-seed"); err != nil {
			return err
		}
		if refuse(cmd, "", "timeout") != nil {
			fmt.Fprintln(env.Err, "find calls no agent, so that --timeout changes nothing; --dt is how long it looks for nodes")
		}
		return o.run(cmd.Context(), env)
	}
	return cmd
}

func (o *findOptions) run(ctx context.Context, env *Env) error {
	hosts, err := o.hosts.parse(env)
	if err != nil {
		return err
	}
	most, err := o.rpc.parseLimit()
	if err != nil {
		return err
	}
	cfg, collective, err := o.configuration(env)
	if err != nil {
		return err
	}
	env.plain = !cfg.Color
	method, err := o.chooseMethod(env, cfg, hosts, true)
	if err != nil {
		return err
	}
	ctx, stop := env.Interruptible(ctx)
	defer stop()

	start := env.Now()
	out := &findOutput{env: env, out: bufio.NewWriterSize(env.Out, 16<<10), json: o.rpc.json}
	// What is still to be sorted or counted, or comes with words around it, cannot
	// be shown before it is complete.
	most.Random = cfg.RPCLimitMethod == "random" && most != client.Limit{}
	out.stream = !o.verbose && !o.sort && !o.rpc.json && !most.Random && most.Percent == 0
	found, err := o.discover(ctx, env, cfg, collective, hosts, method, most, out)
	if err != nil {
		return err
	}
	names := most.Pick(found.Nodes)
	learn(env, lesson{identities: names})
	if o.sort {
		slices.Sort(names)
	}
	if o.verbose {
		fmt.Fprintln(env.Err)
	}
	if err := out.finish(names); err != nil {
		return fmt.Errorf("write the names: %w", err)
	}
	printSilent(env.Err, found.Silent, true)
	if o.verbose {
		fmt.Fprintf(env.Err, "\nDiscovered %d nodes in %.2f seconds using the %s discovery plugin\n", len(names), env.Now().Sub(start).Seconds(), method.name)
	}
	// An interrupted search proves nothing about who is not in it.
	if len(names) == 0 || ctx.Err() != nil {
		return exit(exitFailed)
	}
	return nil
}

// discover finds the nodes by the method that was chosen.
func (o *findOptions) discover(ctx context.Context, env *Env, cfg *config.Config, collective string, hosts filter.Filter, method choice, most client.Limit, out *findOutput) (*client.Found, error) {
	if names, ok := discovery.Literal(hosts); ok && discovery.Only(hosts) && method.name == methodBroadcast {
		return &client.Found{Nodes: names}, nil
	}
	q := discovery.Query{Collective: collective, Filter: hosts, Timeout: method.timeout, TTL: o.ttl.Duration}
	if method.local != nil {
		if len(hosts.Agents) > 0 && method.name != methodExternal {
			return nil, usage.Errorf("cannot use agent filters while using the '%s' discovery method, which knows only names", method.name)
		}
		o.announce(env, method)
		names, err := method.local.Discover(ctx, q)
		o.announced(env, len(names), err)
		return &client.Found{Nodes: names}, err
	}
	if cfg.RPCLimitMethod != "random" {
		q.Limit = most.Count
	}
	s, err := o.open(ctx, env, cfg, collective)
	if err != nil {
		return nil, err
	}
	defer s.close()
	// The nodes that other commands could call, as Ruby finds them.
	q.Filter.Agents = append(slices.Clone(q.Filter.Agents), filter.Pattern{Text: "rpcutil"})
	o.announce(env, method)
	f, err := s.client.Find(ctx, q, out.add, out.flush)
	if err != nil {
		o.announced(env, 0, err)
		return nil, err
	}
	o.announced(env, len(f.Nodes), nil)
	return f, nil
}

// announce tells with -v what is about to happen, and announced what came of it.
func (o *findOptions) announce(env *Env, method choice) {
	switch {
	case !o.verbose:
	case method.timeout > 0:
		fmt.Fprintf(env.Err, "Discovering hosts using the %s method for %s second(s) .... ", method.name, plainSeconds(method.timeout))
	default:
		fmt.Fprintf(env.Err, "Discovering hosts using the %s method .... ", method.name)
	}
}

func (o *findOptions) announced(env *Env, n int, err error) {
	switch {
	case !o.verbose:
	case err != nil:
		fmt.Fprintln(env.Err)
	default:
		fmt.Fprintln(env.Err, n)
	}
}

func plainSeconds(d time.Duration) string {
	s := fmt.Sprintf("%.3f", d.Seconds())
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// findOutput prints names, one to a line.
type findOutput struct {
	env    *Env
	out    *bufio.Writer
	json   bool
	stream bool // each name is printed when it is found
	shown  int
}

// A found is one object of the JSON output, which find and others read again.
type found struct {
	Sender string `json:"sender"`
}

func (f *findOutput) add(name string) {
	if f.stream {
		fmt.Fprintln(f.out, render.CleanLine(name))
		f.shown++
	}
}

// flush shows what was printed. An error stays with the writer until finish.
func (f *findOutput) flush() { _ = f.out.Flush() }

func (f *findOutput) finish(names []string) error {
	if f.json {
		list := make([]found, len(names))
		for i, n := range names {
			list[i].Sender = n
		}
		return writeJSON(f.env, list)
	}
	for _, n := range names[min(f.shown, len(names)):] {
		fmt.Fprintln(f.out, render.CleanLine(n))
	}
	return f.out.Flush()
}
