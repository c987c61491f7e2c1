package file

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"mcollective/client"
	"mcollective/internal/cli/application"
	"mcollective/internal/cli/inputs"
	"mcollective/internal/cli/outputs"
	"mcollective/internal/usage"
	"mcollective/rpc"
	"mcollective/value"
)

// An upload is a copy to nodes.
type upload struct {
	*transfer
	file     *os.File
	checksum string
	word     string // under which the parts are collected
}

// upload copies a file to all nodes that are meant.
func (c *fileCopy) upload(ctx context.Context, t *application.Task) error {
	file, err := os.Open(c.local)
	if err != nil {
		return fmt.Errorf("cannot copy: %w", err)
	}
	defer file.Close()
	if fi, err := file.Stat(); err != nil || !fi.Mode().IsRegular() {
		return errors.Join(usage.Errorf("cannot copy %s: it is no file", c.local), err)
	}
	if strings.HasSuffix(c.remote, "/") {
		c.remote = path.Join(c.remote, path.Base(c.local))
	}
	u := &upload{transfer: newTransfer(t, c.remote), file: file}
	if u.checksum, u.size, err = checksum(file); err != nil {
		return fmt.Errorf("cannot copy: %w", err)
	}
	// The same file for the same place is the same copy, which goes on.
	word := sha256.Sum256([]byte(c.remote + "\x00" + u.checksum))
	u.word = hex.EncodeToString(word[:16])
	wishes, err := u.wishes(t)
	if err != nil {
		return err
	}
	if err := t.Find(ctx); err != nil {
		return err
	}
	if err := t.Agree("commit"); err != nil {
		return err
	}
	for _, node := range t.Targets.Nodes {
		u.at[node] = 0
	}
	nodes := len(u.at)
	if t.RPC.Noop {
		if err := u.foresee(ctx, wishes); err != nil {
			return err
		}
		return u.end(nodes)
	}
	if len(t.Args) == 0 {
		if err := u.compare(ctx); err != nil {
			return err
		}
	}
	if err := u.send(ctx); err != nil {
		return err
	}
	if err := u.commit(ctx, wishes); err != nil {
		return err
	}
	return u.end(nodes)
}

// wishes returns how the file is to be, judged by what the agent says of itself.
func (u *upload) wishes(t *application.Task) (*value.Map, error) {
	args := append([]inputs.Argument{{Name: "file", Text: u.remote}, {Name: "upload", Text: u.word}, {Name: "checksum", Text: u.checksum}}, t.Args...)
	_, in, err := t.Request("commit", args)
	return in, err
}

// compare leaves out the nodes that have the file already. If the copy is to have
// another owner or mode, the agent compares.
func (u *upload) compare(ctx context.Context) error {
	in := value.NewMap(value.Symbol("checksum"), true)
	return u.ask(ctx, u.t.Targets.Nodes, "status", in, func(node string, reply *rpc.Reply) error {
		if outputs.Said(reply, "checksum") == u.checksum && outputs.Said(reply, "type") == "file" {
			u.done(node, "has it already")
		}
		return nil
	})
}

// foresee tells what a copy would do. The agent judges whether it could.
func (u *upload) foresee(ctx context.Context, wishes *value.Map) error {
	there := make(map[string]bool)
	if err := u.ask(ctx, u.t.Targets.Nodes, "status", value.NewMap(), func(node string, reply *rpc.Reply) error {
		there[node] = outputs.Said(reply, "present") == "1"
		return nil
	}); err != nil || len(u.at) == 0 {
		return err
	}
	return u.ask(ctx, slices.Sorted(maps.Keys(u.at)), "commit", wishes, func(node string, reply *rpc.Reply) error {
		switch {
		case !outputs.Truth(reply, "changed"):
			u.done(node, "has it already")
		case there[node]:
			u.done(node, "would replace "+u.remote)
		default:
			u.done(node, "would create "+u.remote)
		}
		return nil
	})
}

// send sends the parts that nodes lack.
func (u *upload) send(ctx context.Context) error {
	if len(u.at) == 0 {
		return nil
	}
	nodes, _ := u.behind()
	begun := make(map[string]int64)
	in := value.NewMap(value.Symbol("upload"), u.word)
	if err := u.ask(ctx, nodes, "store", in, func(node string, reply *rpc.Reply) error {
		if n, ok := outputs.Whole(reply, "offset"); ok && n <= u.size {
			begun[node] = n
		}
		return nil
	}); err != nil {
		return err
	}
	for node := range u.at {
		u.at[node] = begun[node]
	}
	part := make([]byte, partSize)
	for len(u.at) > 0 {
		nodes, offset := u.behind()
		if offset == u.size && u.size > 0 {
			return nil
		}
		n, err := u.file.ReadAt(part, offset)
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("cannot copy: %w", err)
		}
		u.show(offset, u.size)
		in := value.NewMap(value.Symbol("upload"), u.word, value.Symbol("offset"), offset,
			value.Symbol("data"), base64.StdEncoding.EncodeToString(part[:n]))
		if err := u.ask(ctx, nodes, "store", in, func(node string, reply *rpc.Reply) error {
			at, ok := outputs.Whole(reply, "offset")
			if !ok || at != offset+int64(n) {
				return fmt.Errorf("stored something else than the part at %d", offset)
			}
			u.at[node] = at
			return nil
		}); err != nil {
			return err
		}
		if u.size == 0 {
			return nil
		}
	}
	return nil
}

// commit puts the file in its place.
func (u *upload) commit(ctx context.Context, in *value.Map) error {
	if len(u.at) == 0 {
		return nil
	}
	u.show(u.size, u.size)
	u.refused = nil
	nodes := make([]string, 0, len(u.at))
	for node := range u.at {
		nodes = append(nodes, node)
	}
	if err := u.ask(ctx, nodes, "commit", in, u.committed); err != nil {
		return err
	}
	// What was stored there is of no use, and would spoil the next copy.
	if len(u.refused) == 0 {
		return nil
	}
	drop := value.NewMap(value.Symbol("file"), u.remote, value.Symbol("upload"), u.word)
	_, err := u.t.Call(ctx, u.refused, "discard", drop, func(client.Answer) {})
	return err
}

// committed judges the answer of a node that has put the file in its place.
func (u *upload) committed(node string, reply *rpc.Reply) error {
	if got := outputs.Said(reply, "checksum"); got != u.checksum {
		return fmt.Errorf("has a file of the SHA-256 %s, and not %s", got, u.checksum)
	}
	what := "copied " + outputs.BytesText(float64(u.size))
	if !outputs.Truth(reply, "changed") {
		what = "has it already"
	}
	if backup := outputs.Said(reply, "backup"); backup != "" {
		what += ", the former file is " + backup
	}
	u.done(node, what)
	return nil
}
