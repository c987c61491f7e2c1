package file

import (
	"context"
	"crypto/md5"
	_ "embed"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"mcollective/ddl"
	"mcollective/internal/data"
)

//go:embed fstat.yaml
var fstatDefinition []byte

// maxDigest is the size in bytes up to which fstat makes a file's MD5 sum. That of a larger one is 0, as for
// what is no file.
const maxDigest = 256 << 20

// A Fstat is the data plugin fstat of MCollective, which every node has: what is known of a file. It may be
// asked about the same files as the agents here.
type Fstat struct {
	definition *ddl.Definition
	opts       Options
}

var _ data.Plugin = (*Fstat)(nil)

// NewFstat makes the data plugin.
func NewFstat(o Options) (*Fstat, error) {
	d, err := ddl.Parse("fstat.yaml", fstatDefinition)
	return &Fstat{d, o.settled()}, err
}

// Definition implements data.Plugin.
func (d *Fstat) Definition() *ddl.Definition { return d.definition }

// Active says no where files have no owners.
func (d *Fstat) Active(context.Context) error { return active() }

// Query implements data.Plugin.
func (d *Fstat) Query(ctx context.Context, name string) (map[string]any, error) {
	out := map[string]any{
		"name": name, "output": "not present", "type": "unknown", "mode": "0000", "present": 0, "size": 0, "md5": 0, "uid": 0, "gid": 0,
		"mtime": 0, "ctime": 0, "atime": 0, "mtime_seconds": 0, "ctime_seconds": 0, "atime_seconds": 0,
	}
	asked := name
	if !path.IsAbs(asked) {
		asked = "/" + asked // where the daemon is
	}
	p, err := d.opts.locate(asked)
	if isAbsent(err) {
		return out, d.opts.permit(resolve(asked))
	}
	if err != nil {
		return nil, d.opts.because(asked, err)
	}
	defer p.close()
	fi, err := p.lstat()
	if err != nil || fi == nil {
		return out, err
	}
	if _, err := os.Stat(p.real); isAbsent(err) { // a link to nothing is not present
		return out, nil
	}
	d.describe(out, fi)
	if fi.Mode().IsRegular() && fi.Size() <= maxDigest && !fromKernel(p.real) {
		if out["md5"], err = p.md5(ctx); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// isAbsent reports whether an error says that there is no such file.
func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// describe puts into the outputs what a file system knows of a file.
func (d *Fstat) describe(out map[string]any, fi fs.FileInfo) {
	own := ownerOf(fi)
	out["output"], out["present"] = "present", 1
	out["size"], out["uid"], out["gid"] = fi.Size(), int64(own.uid), int64(own.gid)
	out["mode"] = strings.TrimLeft(fullMode(fi.Mode()), "0")
	if out["type"] = kind(fi.Mode()); out["type"] == "fifo" {
		out["type"] = "unknown" // as in Ruby
	}
	atime, ctime := times(fi)
	for name, at := range map[string]time.Time{"mtime": fi.ModTime(), "ctime": ctime, "atime": atime} {
		out[name] = at.Local().Format(time.DateTime)
		out[name+"_seconds"] = at.Unix()
		out[name+"_age"] = d.opts.Now().Unix() - at.Unix()
	}
}

// md5 returns the MD5 sum of a file, or 0 if it is too long.
func (p *place) md5(ctx context.Context) (any, error) {
	f, err := p.open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	limited := &io.LimitedReader{R: f, N: maxDigest + 1}
	text, err := digest(ctx, md5.New(), limited)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, p.fail(err)
	case limited.N == 0:
		return 0, nil // it grew
	}
	return text, nil
}
