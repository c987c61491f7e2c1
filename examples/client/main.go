// Command client is a Go program that asks a collective: it finds the nodes that have
// a fact, calls an action on them, prints each answer as it arrives, and says at the
// end what became of every node.
//
// It uses only packages that other modules can use, and is to be copied.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"mcollective/client"
	"mcollective/connector/nats"
	"mcollective/discovery"
	"mcollective/filter"
	"mcollective/security/psk"
	"mcollective/value"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code, err := run(ctx, os.Args[1:], os.LookupEnv, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
	}
	os.Exit(code)
}

// The exit codes.
const (
	exitOK         = 0 // every node that is meant has done it
	exitFailed     = 1 // nothing was asked
	exitIncomplete = 2 // a node has not done it, or nobody knows whether it is meant
)

const usage = "usage: client [-timeout D] FACT AGENT ACTION [INPUT=TEXT ...], like client os.name=Debian rpcutil ping"

func run(ctx context.Context, args []string, env func(string) (string, bool), out io.Writer) (int, error) {
	flags := flag.NewFlagSet("client", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the error says it
	timeout := flags.Duration("timeout", 10*time.Second, "")
	if err := flags.Parse(args); err != nil || flags.NArg() < 3 || *timeout <= 0 {
		return exitFailed, fmt.Errorf("wrong arguments; %s", usage)
	}
	fact, err := filter.ParseFact(flags.Arg(0))
	if err != nil {
		return exitFailed, err
	}
	inputs := value.NewMap()
	for _, word := range flags.Args()[3:] {
		name, text, ok := strings.Cut(word, "=")
		if !ok || name == "" {
			return exitFailed, fmt.Errorf("%q is no INPUT=TEXT", word)
		}
		inputs.Set(name, text) // an agent that wants a number is to be given an int64, not a text
	}

	broker, ok := env("MCO_BROKER") // a URL may hold a password, which is not for command lines
	if !ok {
		broker = nats.DefaultServer
	}
	c, disconnect, err := connect(ctx, broker, psk.SecretFromEnv(env, ""))
	if err != nil {
		return exitFailed, err
	}
	defer disconnect()
	selected := filter.Filter{Facts: []filter.Fact{fact}}
	found, err := c.Find(ctx, discovery.Query{Filter: selected, Timeout: discovery.BroadcastTimeout}, nil, nil)
	if err != nil {
		return exitFailed, err
	}
	if len(found.Nodes) == 0 {
		return exitFailed, fmt.Errorf("no node answers that it has %s; not heard of: %d", fact, len(found.Silent))
	}
	account, err := c.Run(ctx, client.Run{
		Agent: flags.Arg(1), Action: flags.Arg(2), Inputs: inputs,
		Nodes: found.Nodes, Filter: selected, Timeout: *timeout,
		Direct: true, // these nodes and no others
	}, func(a client.Answer) { show(out, a) })
	if account != nil {
		summarize(out, found, account)
	}
	if err != nil {
		return exitIncomplete, err
	}
	if account.Count[client.OK] < len(found.Nodes) || len(found.Silent) > 0 {
		return exitIncomplete, nil
	}
	return exitOK, nil
}

// connect opens a connection and puts a client on it.
func connect(ctx context.Context, broker, secret string) (*client.Client, func(), error) {
	me, err := os.Hostname()
	if err != nil {
		return nil, nil, err
	}
	sec, err := psk.New(psk.Options{Secret: secret, Identity: me})
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second) // without an end it would try for ever
	defer cancel()
	conn, err := nats.Connect(ctx, nats.Options{Servers: []string{broker}, Identity: me})
	if err != nil {
		return nil, nil, err
	}
	return client.New(conn, sec, client.Options{Identity: me}), func() { conn.Close() }, nil
}

// show prints one answer. What nodes say is quoted, since it may hold what a terminal
// obeys.
func show(out io.Writer, a client.Answer) {
	switch {
	case a.Unexpected || a.Duplicate: // counted in the account
	case a.Err != nil:
		fmt.Fprintf(out, "%s: %s: %q\n", a.Sender, a.Outcome, a.Err)
	case a.Outcome != client.OK:
		fmt.Fprintf(out, "%s: %s: %q\n", a.Sender, a.Outcome, a.RPC.Message)
	default:
		data, err := json.Marshal(value.ForJSON(a.RPC.Data)) // escapes control characters
		if err != nil {
			data = []byte(err.Error())
		}
		fmt.Fprintf(out, "%s: %s\n", a.Sender, data)
	}
}

// summarize prints what became of every node, by cause.
func summarize(out io.Writer, found *client.Found, account *client.Account) {
	nodes := map[client.Outcome][]string{}
	for name, outcome := range account.Outcomes {
		nodes[outcome] = append(nodes[outcome], name)
	}
	for _, outcome := range slices.Sorted(maps.Keys(nodes)) {
		slices.Sort(nodes[outcome])
		fmt.Fprintf(out, "%d %s: %s\n", len(nodes[outcome]), outcome, strings.Join(nodes[outcome], " "))
	}
	if len(found.Silent) > 0 {
		fmt.Fprintf(out, "%d did not say whether they are meant: %s\n", len(found.Silent), strings.Join(found.Silent, " "))
	}
	if !found.Exact {
		fmt.Fprintln(out, "nobody can tell whether there are more nodes with the fact")
	}
	if n := len(account.Unexpected) + len(account.Duplicates) + account.Undecodable; n > 0 {
		fmt.Fprintf(out, "%d answers were not asked for, came twice or are not proven\n", n)
	}
}
