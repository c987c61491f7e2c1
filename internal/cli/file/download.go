package file

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"mcollective/internal/cli/application"
	"mcollective/internal/cli/outputs"
	"mcollective/rpc"
	"mcollective/value"
)

// A download is a copy from nodes.
type download struct {
	*transfer
	to    func(node string) (string, error)
	files map[string]*arrival
}

// An arrival is the file of one node.
type arrival struct {
	path     string // where it is to be
	part     *os.File
	state    string // by which the node tells versions of the file apart
	checksum string
	size     int64
	mode     fs.FileMode
}

// download copies a file from all nodes that are meant.
func (c *fileCopy) download(ctx context.Context, t *application.Task) error {
	d := &download{transfer: newTransfer(t, c.remote), to: c.place, files: make(map[string]*arrival)}
	defer d.close()
	if err := t.Find(ctx); err != nil {
		return err
	}
	for _, node := range t.Targets.Nodes {
		if _, err := c.place(node); err != nil {
			t.Complain(node, err)
			d.failed++
			continue
		}
		d.at[node] = 0
	}
	for len(d.at) > 0 {
		if err := d.next(ctx); err != nil {
			return err
		}
	}
	return d.end(len(t.Targets.Nodes))
}

// place returns where the file of a node goes: below its name in a directory, or if only
// one node was named, where the user says.
func (c *fileCopy) place(node string) (string, error) {
	name := path.Base(c.remote)
	if c.node != "" {
		if fi, err := os.Stat(c.local); err == nil && fi.IsDir() || strings.HasSuffix(c.local, "/") {
			return filepath.Join(c.local, name), nil
		}
		return c.local, nil
	}
	// The name came over the network, and is not to lead out of the directory.
	if !filepath.IsLocal(node) || strings.ContainsAny(node, `/\`) || strings.HasPrefix(node, ".") {
		return "", fmt.Errorf("this name cannot be that of a directory")
	}
	return filepath.Join(c.local, node, name), nil
}

// next gets the next part from the nodes that are behind the others.
func (d *download) next(ctx context.Context) error {
	nodes, offset := d.behind()
	in := value.NewMap(value.Symbol("offset"), offset, value.Symbol("length"), int64(partSize))
	if offset == 0 {
		in.Set(value.Symbol("checksum"), true)
	}
	return d.ask(ctx, nodes, "fetch", in, func(node string, reply *rpc.Reply) error {
		f := d.files[node]
		if f == nil {
			var err error
			if f, err = d.begin(node, reply); err != nil {
				return err
			}
			d.files[node] = f
			// What is here already from an earlier copy is not asked for again.
			have, err := f.part.Seek(0, io.SeekEnd)
			switch {
			case err != nil:
				return err
			case have > f.size:
				if err := f.part.Truncate(0); err != nil {
					return err
				}
			case have == f.size && have > 0:
				return d.finish(node, f)
			case have > 0:
				d.at[node] = have
				return nil
			}
		}
		return d.take(node, f, offset, reply)
	})
}

// begin opens the file for the parts of a node.
func (d *download) begin(node string, reply *rpc.Reply) (*arrival, error) {
	f := &arrival{state: outputs.Said(reply, "state"), checksum: outputs.Said(reply, "checksum")}
	var ok bool
	if f.size, ok = outputs.Whole(reply, "size"); !ok || len(f.checksum) != 64 || strings.Trim(f.checksum, "0123456789abcdef") != "" {
		return nil, errors.New("answers with no size or no checksum")
	}
	mode, err := strconv.ParseUint(outputs.Said(reply, "mode"), 8, 12)
	if err != nil {
		mode = 0o600
	}
	f.mode = fs.FileMode(mode) & 0o777
	if f.path, err = d.to(node); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o755); err != nil {
		return nil, err
	}
	part := filepath.Join(filepath.Dir(f.path), "."+filepath.Base(f.path)+"."+f.checksum[:16]+".part")
	f.part, err = os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o600)
	return f, err
}

// take writes one part.
func (d *download) take(node string, f *arrival, offset int64, reply *rpc.Reply) error {
	if outputs.Said(reply, "state") != f.state {
		os.Remove(f.part.Name())
		return errors.New("the file changed while it was copied")
	}
	data, err := base64.StdEncoding.DecodeString(outputs.Said(reply, "data"))
	if err != nil {
		return fmt.Errorf("the data is not base64: %w", err)
	}
	if at, ok := outputs.Whole(reply, "offset"); !ok || at != offset || offset+int64(len(data)) > f.size || len(data) == 0 && offset < f.size {
		return fmt.Errorf("answers with another part than that at %d", offset)
	}
	if _, err := f.part.WriteAt(data, offset); err != nil {
		return err
	}
	d.at[node] = offset + int64(len(data))
	d.show(d.at[node], f.size)
	if d.at[node] == f.size {
		return d.finish(node, f)
	}
	return nil
}

// finish puts the file in its place if it is what the node has.
func (d *download) finish(node string, f *arrival) error {
	got, _, err := checksum(f.part)
	if err != nil {
		return err
	}
	if got != f.checksum {
		os.Remove(f.part.Name())
		return fmt.Errorf("the SHA-256 of what arrived is %s and not %s", got, f.checksum)
	}
	if err := f.part.Chmod(f.mode); err != nil {
		return err
	}
	if err := os.Rename(f.part.Name(), f.path); err != nil {
		return err
	}
	d.done(node, fmt.Sprintf("copied %s to %s", outputs.BytesText(float64(f.size)), f.path))
	return f.part.Close()
}

// close leaves what arrived so far, for the next copy to go on with.
func (d *download) close() {
	for _, f := range d.files {
		f.part.Close()
	}
}
