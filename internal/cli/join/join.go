// Package join is mco join, by which a machine becomes a node of a collective.
package join

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mcollective/internal/cli"
	"mcollective/internal/cli/trustdir"
	"mcollective/internal/config"
	"mcollective/internal/credential"
	"mcollective/internal/enroll"
	"mcollective/internal/usage"
	"mcollective/security/creds"
)

// joinOptions are the flags of join.
type joinOptions struct {
	dir      string
	identity string
}

// timeout bounds joining.
const timeout = 30 * time.Second

// maxSkew is how far clocks may be apart before it is said: requests are refused then.
const maxSkew = 20 * time.Second

// New makes the command join.
func New(env *cli.Env) *cobra.Command {
	o := &joinOptions{}
	cmd := &cobra.Command{
		Use:   "join [options] <HOST:PORT#TOKEN | ->",
		Short: "Make this machine a node of a collective",
		Example: "    mco join broker.example.net:4222#TOKEN\n" +
			"    mco join - < FILE",
	}
	trustdir.Add(cmd.Flags(), &o.dir)
	cli.Text(cmd.Flags(), cli.GroupOwn, &o.identity, "identity", "", "NAME", "Name of the node (the host name)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usage.Hinted(errors.New("mco join takes the line that the broker printed: HOST:PORT#TOKEN"), "mco token new, on the broker, prints another")
		}
		ctx, stop := env.Interruptible(cmd.Context())
		defer stop()
		line := args[0]
		if line == "-" {
			var err error
			if line, err = readLine(env.In); err != nil {
				return err
			}
		}
		return o.run(ctx, env, line)
	}
	return cmd
}

func (o *joinOptions) run(ctx context.Context, env *cli.Env, line string) error {
	dir, err := trustdir.Resolve(env, o.dir)
	if err != nil {
		return err
	}
	address, token, err := credential.ParseJoinLine(line)
	if err != nil {
		return usage.Errorf("%w", err)
	}
	if err := trustdir.Writable(dir.ServerConfig()); err != nil {
		return err
	}
	name, err := o.name(dir)
	if err != nil {
		return err
	}
	key, first, err := ownKey(dir)
	if err != nil {
		return err
	}
	undo, err := dir.Prepare(dir.Node()) // before the broker counts the token as used
	if err != nil {
		return fmt.Errorf("nothing was sent to the broker: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	m, err := enroll.Join(ctx, address, token, name, key)
	if err != nil {
		undo()
		return err
	}
	id, err := credential.Create(dir.Node(), key, m.Token, m.Trust)
	if err != nil {
		return err
	}
	if first { // who joins again may have executed requests
		if err := creds.InitReplay(dir.Node()); err != nil {
			return err
		}
	}
	c := id.Credential()
	changes, err := trustdir.WriteConfig(dir.ServerConfig(), config.Server, c, m.Trust.Servers())
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Out, "%s is a node of the collective %s until %s.\n", c.Name, c.Collectives[0], trustdir.Date(c.Expires))
	for _, text := range changes {
		fmt.Fprintf(env.Out, "Changed in %s: %s\n", dir.ServerConfig(), text)
	}
	if m.Ahead > maxSkew || m.Ahead < -maxSkew {
		direction := "behind"
		if m.Ahead < 0 {
			direction = "ahead of"
		}
		fmt.Fprintf(env.Err, "The clock of this machine is %v %s that of the broker: nodes refuse requests then. Set it.\n", m.Ahead.Abs().Round(time.Second), direction)
	}
	fmt.Fprintf(env.Out, "Start it: mco server%s\n", dir.Flag(env))
	return nil
}

// maxLine bounds the line of a broker: a host name, a port and a token.
const maxLine = 1024

// readLine reads the line of a broker where other users of the machine cannot see it, as they can see arguments.
func readLine(from io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(from, maxLine)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the line that the broker printed: %w", err)
	}
	if line = strings.TrimSpace(line); line == "" || err != nil && len(line) >= maxLine-1 {
		return "", usage.Hinted(errors.New("standard input does not begin with the line that the broker printed: HOST:PORT#TOKEN"), "mco token new, on the broker, prints another")
	}
	return line, nil
}

// name returns the name to join with: the one that the directory has, else that of the flag or of the host.
func (o *joinOptions) name(dir trustdir.Dir) (string, error) {
	held, err := dir.NodeName()
	switch {
	case err != nil:
		return "", err
	case held != "" && o.identity != "" && held != o.identity:
		return "", usage.Hinted(fmt.Errorf("%s is the node %s, and cannot be %s as well", dir, held, o.identity),
			"Leave --identity away to join again as "+held+", or name another directory with --dir")
	case held != "":
		return held, nil
	case o.identity != "":
		return o.identity, nil
	}
	name, err := os.Hostname()
	if err != nil {
		return "", usage.Hinted(fmt.Errorf("this machine has no name: %w", err), "Name the node with --identity")
	}
	return name, nil
}

// ownKey returns the key of this machine, if it has one, or a new one, which is its first: who joins again is no
// other machine.
func ownKey(dir trustdir.Dir) (key *credential.Key, first bool, err error) {
	key, err = credential.LoadKey(dir.Node())
	if errors.Is(err, fs.ErrNotExist) {
		key, err = credential.NewKey()
		return key, true, err
	}
	return key, false, err
}
