// Package ping is mco ping.
package ping

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"mcollective/client"
	"mcollective/discovery"
	"mcollective/filter"
	"mcollective/internal/cli"
	"mcollective/internal/cli/collective"
	"mcollective/internal/safetext"
)

// pingTime is how long ping waits for answers; the discovery timeout is added to
// it when there is one, as in Ruby.
const pingTime = 5 * time.Second

// pingOptions are the flags of ping.
type pingOptions struct {
	collective.Flags
	graph bool
}

// New makes the command ping.
func New(env *cli.Env) *cobra.Command {
	o := &pingOptions{}
	cmd := &cobra.Command{
		Use:   "ping [options] [filters]",
		Short: "Ping all nodes",
		Example: "    mco ping\n" +
			"    mco ping -F operatingsystem=CentOS -C webserver\n" +
			"    mco ping -t 1 --graph",
	}
	cmd.Flags().BoolVarP(&o.graph, "graph", "g", false, "Show how the reply times are distributed")
	o.Add(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.Check(cmd, args); err != nil {
			return err
		}
		return collective.HintWhyAfter(env, cmd, o.run(cmd.Context(), env))
	}
	return cmd
}

func (o *pingOptions) run(ctx context.Context, env *cli.Env) error {
	i, err := o.Begin(env, false)
	if err != nil {
		return err
	}
	hosts := i.Options().Filter
	graph, err := i.Config.PluginBool("rpc.graph", false)
	if err != nil {
		return err
	}
	targets, err := o.targets(ctx, i)
	if err != nil {
		return err
	}
	ctx, stop := env.Interruptible(ctx)
	defer stop()
	defer i.Close()
	if err := i.Connect(ctx); err != nil {
		return err
	}

	out := newPingOutput(env, o)
	result, err := i.Client().Call(ctx, client.Call{
		Agent: "discovery", Body: "ping", Filter: hosts, Collective: i.Options().Collective,
		Timeout: o.wait(i), Nodes: targets, Direct: len(targets) > 0, Exact: true, Idle: out.flush,
	}, out.add)
	if err != nil {
		return err
	}
	if err := out.finish(o.graph || graph); err != nil {
		return fmt.Errorf("write the answers: %w", err)
	}
	if len(targets) == 0 {
		collective.PrintSilent(env.Err, result.Silent, !hosts.Empty())
	}
	out.refused.Print(env.Err)
	if o.Verbose {
		printAccount(env.Err, result, out.duplicates)
	}
	// Ruby's ping forgets what it counted when it is interrupted.
	if len(out.replies) == 0 || result.Interrupted {
		return cli.Exit(cli.ExitNothingBack)
	}
	return nil
}

// targets returns the nodes to ask directly; none means a broadcast.
func (o *pingOptions) targets(ctx context.Context, i *collective.Invocation) ([]string, error) {
	method, err := i.Method()
	if err != nil || method.Broadcast() {
		return nil, err
	}
	// What names cannot tell, the nodes judge: the filter goes with the request.
	names, err := method.Discover(ctx, discovery.Query{Filter: filter.Filter{Identities: i.Options().Filter.Identities}})
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("no node to ask: the %s discovery method found none", method.Name)
	}
	return names, err
}

// wait returns how long answers are awaited.
func (o *pingOptions) wait(i *collective.Invocation) time.Duration {
	t := o.Timeout.Duration
	if !o.Timeout.IsSet {
		t = pingTime + o.DiscoveryTimeout.Or(i.Config.DiscoveryTimeout)
	}
	return t + i.FilterTime()
}

// printAccount tells with -v what the statistics for everybody leave out.
func printAccount(w io.Writer, r *client.Account, duplicates int) {
	fmt.Fprintf(w, "\n---- discovery#ping call stats ----\n")
	line := func(label, format string, args ...any) {
		fmt.Fprintf(w, "%16s %s\n", label+":", fmt.Sprintf(format, args...))
	}
	line("Request", "%s", r.RequestID)
	line("Replies", "%d", r.Replies)
	line("Start Time", "%s", r.Started.Format("2006-01-02 15:04:05 -0700"))
	line("Publish Time", "%.2fms", milliseconds(r.Publish))
	line("Total Time", "%.2fms", milliseconds(r.Total))
	for _, c := range []struct {
		label string
		count int
	}{
		{"Nodes Listening", r.Listening}, {"Not Matching", r.Declined},
		{"Duplicates", duplicates}, {"Not Sent", r.Count[client.NotSent]}, {"No Response", len(r.NoResponse) - r.Count[client.NotSent]},
		{"Not Expected", len(r.Unexpected)}, {"Not Trusted", r.Undecodable},
	} {
		if c.count > 0 {
			line(c.label, "%d", c.count)
		}
	}
	first := map[client.Outcome]int{client.NotSent: -2, client.Unreachable: -1}
	slices.SortStableFunc(r.NoResponse, func(a, b string) int { return cmp.Compare(first[r.Outcomes[a]], first[r.Outcomes[b]]) })
	for _, name := range r.NoResponse {
		fmt.Fprintf(w, "   No response from %s\n", safetext.CleanLine(name))
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// pingOutput prints replies as they arrive, and what they amount to.
type pingOutput struct {
	env        *cli.Env
	out        *bufio.Writer
	JSON       bool
	sort       bool
	replies    []pingReply
	duplicates int // replies of nodes that had answered before
	refused    collective.Refusals
}

// A pingReply is one answer, and one object of the JSON output.
type pingReply struct {
	Sender string  `json:"sender"`
	Time   float64 `json:"time_ms"`
}

func newPingOutput(env *cli.Env, o *pingOptions) *pingOutput {
	return &pingOutput{env: env, out: bufio.NewWriterSize(env.Out, 16<<10), JSON: o.Results.JSON, sort: o.Sort, refused: collective.Refusals{What: "discovery ping"}}
}

func (p *pingOutput) add(r client.Answer) {
	if r.Failure() != nil {
		p.refused.Add(&r)
		return
	}
	if r.Duplicate {
		p.duplicates++
	}
	reply := pingReply{Sender: r.Sender, Time: milliseconds(r.After)}
	p.replies = append(p.replies, reply)
	if !p.JSON && !p.sort {
		p.line(reply)
	}
}

func (p *pingOutput) line(r pingReply) {
	fmt.Fprintf(p.out, "%-40s time=%.2f ms\n", safetext.CleanLine(r.Sender), r.Time)
}

// flush shows what was printed. An error stays with the writer until finish.
func (p *pingOutput) flush() { _ = p.out.Flush() }

func (p *pingOutput) finish(graph bool) error {
	if p.sort {
		slices.SortStableFunc(p.replies, func(a, b pingReply) int { return cmp.Compare(a.Sender, b.Sender) })
	}
	if p.JSON {
		return cli.WriteJSON(p.env, p.replies)
	}
	if p.sort {
		for _, r := range p.replies {
			p.line(r)
		}
	}
	p.statistics(graph)
	return p.out.Flush()
}

// statistics prints the summary, to the letter that Ruby prints.
func (p *pingOutput) statistics(graph bool) {
	fmt.Fprint(p.out, "\n\n---- ping statistics ----\n")
	if len(p.replies) == 0 {
		fmt.Fprintln(p.out, "No responses received")
		return
	}
	times := make([]float64, len(p.replies))
	sum := 0.0
	for i, r := range p.replies {
		times[i] = r.Time
		sum += r.Time
	}
	bars := ""
	if graph {
		bars = spark(times)
	}
	fmt.Fprintf(p.out, "%d replies max: %.2f min: %.2f avg: %.2f %s\n",
		len(times), slices.Max(times), slices.Min(times), sum/float64(len(times)), bars)
}
