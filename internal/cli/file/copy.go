package file

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"

	"mcollective/client"
	"mcollective/internal/cli"
	"mcollective/internal/cli/application"
	"mcollective/internal/cli/outputs"
	"mcollective/internal/clientfiles"
	"mcollective/internal/safetext"
	"mcollective/rpc"
	"mcollective/value"
)

// partSize is how many bytes go at a time; the agent takes no more.
const partSize = 256 << 10

// A transfer moves a file part by part, to or from many nodes at once. Those that
// are equally far get one request.
type transfer struct {
	t      *application.Task
	remote string
	at     map[string]int64 // how far each node is that is not done
	size   int64            // 0 if that differs from node to node
	failed int

	refused []string // nodes that answered with a failure
}

func newTransfer(t *application.Task, remote string) *transfer {
	return &transfer{t: t, remote: remote, at: make(map[string]int64)}
}

// behind returns the nodes that have most before them, and how far they are.
func (x *transfer) behind() (nodes []string, offset int64) {
	offset = slices.Min(slices.Collect(maps.Values(x.at)))
	for node, at := range x.at {
		if at == offset {
			nodes = append(nodes, node)
		}
	}
	slices.Sort(nodes)
	return nodes, offset
}

// fail takes a node out.
func (x *transfer) fail(node string, err error) {
	x.t.Progress("")
	x.t.Complain(node, err)
	delete(x.at, node)
	x.failed++
}

func (x *transfer) done(node, what string) {
	x.t.Progress("")
	fmt.Fprintf(x.t.Env.Out, "%s: %s\n", safetext.CleanLine(node), safetext.CleanLine(what))
	delete(x.at, node)
}

// ask calls an action about the file on some nodes, and takes out those where it
// fails. take returns why an answer is of no use.
func (x *transfer) ask(ctx context.Context, nodes []string, action string, in *value.Map, take func(node string, reply *rpc.Reply) error) error {
	in.Set(value.Symbol("file"), x.remote)
	heard := make(map[string]bool, len(nodes))
	_, err := x.t.Call(ctx, nodes, action, in, func(a client.Answer) {
		if _, asked := x.at[a.Sender]; !asked || heard[a.Sender] {
			return
		}
		heard[a.Sender] = true
		err := application.Refusal(a)
		if err == nil {
			err = take(a.Sender, a.RPC)
		}
		if err != nil {
			x.refused = append(x.refused, a.Sender)
			x.fail(a.Sender, err)
		}
	})
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("%d nodes are not done; the same command goes on where this one stopped: %w", len(x.at), err)
	}
	for _, node := range nodes {
		if _, there := x.at[node]; there && !heard[node] {
			x.fail(node, application.ErrSilent)
		}
	}
	return nil
}

// end is the exit code.
func (x *transfer) end(nodes int) error {
	x.t.Progress("")
	x.t.Env.Files().Remember(clientfiles.Names{Identities: x.t.Targets.Nodes, Agents: []string{x.t.RPC.Agent}})
	switch {
	case x.failed == nodes:
		return cli.Exit(cli.ExitFailed)
	case x.failed > 0:
		return cli.Exit(cli.ExitSomeFailed)
	}
	return nil
}

func (x *transfer) show(at, size int64) {
	percent := int64(100)
	if size > 0 {
		percent = at * 100 / size
	}
	x.t.Progress(fmt.Sprintf("%d nodes, %d%% of %s", len(x.at), percent, outputs.BytesText(float64(size))))
}

// checksum returns the SHA-256 of what is in a file from its begin on.
func checksum(f io.ReadSeeker) (string, int64, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", 0, err
	}
	h := sha256.New()
	n, err := io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), n, err
}
