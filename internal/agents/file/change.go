package file

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"os/user"
	"strconv"

	"mcollective/agent"
	"mcollective/rpc"
)

// A wish is how a file that replaces another is to be.
type wish struct {
	expect string // SHA-256 of the file that is there, or "absent", or "" for whatever
	backup bool
	noop   bool

	mode   fs.FileMode // to begin with, of the file that is there
	owner  owner
	modeOK bool // whether the request says them
	ownOK  bool
}

// wishOf reads the inputs that write and commit share.
func wishOf(req *agent.Request) (wish, error) {
	var w wish
	w.expect, _ = req.String("expect")
	w.backup, _ = req.Bool("backup")
	w.noop, _ = req.Bool("noop")
	w.owner = owner{^uint32(0), ^uint32(0)}
	if text, ok := req.String("mode"); ok {
		n, err := strconv.ParseUint(text, 8, 12)
		if err != nil {
			return w, rpc.Errorf(rpc.InvalidData, "mode %q is not octal", text)
		}
		w.mode, w.modeOK = fileMode(uint32(n)), true
	}
	if name, ok := req.String("owner"); ok {
		id, err := number(name, func() (string, error) {
			u, err := user.Lookup(name)
			if err != nil {
				return "", err
			}
			return u.Uid, nil
		})
		if err != nil {
			return w, rpc.Errorf(rpc.InvalidData, "there is no user %s on this node", name)
		}
		w.owner.uid, w.ownOK = id, true
	}
	if name, ok := req.String("group"); ok {
		id, err := number(name, func() (string, error) {
			g, err := user.LookupGroup(name)
			if err != nil {
				return "", err
			}
			return g.Gid, nil
		})
		if err != nil {
			return w, rpc.Errorf(rpc.InvalidData, "there is no group %s on this node", name)
		}
		w.owner.gid, w.ownOK = id, true
	}
	return w, nil
}

func number(name string, lookup func() (string, error)) (uint32, error) {
	id, err := lookup()
	if err != nil {
		id = name
	}
	n, err := strconv.ParseUint(id, 10, 32)
	if err == nil && n == 1<<32-1 {
		err = errors.New("means nobody")
	}
	return uint32(n), err
}

func fileMode(n uint32) fs.FileMode {
	m := fs.FileMode(n & 0o777)
	for bit, flag := range map[uint32]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if n&bit != 0 {
			m |= flag
		}
	}
	return m
}

// before looks at the file that is to be replaced, and refuses if it is not what
// the request expects. Where the request says nothing, the new file gets mode and
// owner of the old one.
func (w *wish) before(ctx context.Context, p *place) (old fs.FileInfo, checksum string, err error) {
	if old, err = p.lstat(); err != nil {
		return nil, "", err
	}
	if old == nil {
		if w.expect != "" && w.expect != "absent" {
			return nil, "", rpc.Errorf(rpc.Aborted, "%s is not there, and its SHA-256 was to be %s; nothing was done", p.path, w.expect)
		}
		if !w.modeOK {
			w.mode = 0o644
		}
		return nil, "", nil
	}
	if checksum, old, err = p.sum(ctx); err != nil {
		return nil, "", err
	}
	if w.expect != "" && w.expect != checksum {
		return nil, "", rpc.Errorf(rpc.Aborted, "the SHA-256 of %s is %s and not %s; nothing was done", p.path, checksum, w.expect)
	}
	if !w.modeOK {
		w.mode = old.Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
	}
	own := ownerOf(old)
	if w.owner.uid == ^uint32(0) {
		w.owner.uid = own.uid
	}
	if w.owner.gid == ^uint32(0) {
		w.owner.gid = own.gid
	}
	return old, checksum, nil
}

// same reports whether the file that is there already is as it is to be.
func (w *wish) same(old fs.FileInfo, checksum, wanted string) bool {
	return old != nil && checksum == wanted && w.owner == ownerOf(old) && octal(w.mode) == octal(old.Mode())
}

// replace puts a complete file, which lies under the name temp, in its place. It
// returns where the former file is now, if it was to be kept.
func (a *Agent) replace(p *place, f *os.File, temp string, w *wish, old fs.FileInfo) (backup string, err error) {
	if w.owner.uid != ^uint32(0) || w.owner.gid != ^uint32(0) {
		if err := f.Chown(int(int32(w.owner.uid)), int(int32(w.owner.gid))); err != nil {
			return "", p.fail(err)
		}
	}
	// After the owner, as a change of that takes the bits away that give rights.
	if err := f.Chmod(w.mode); err != nil {
		return "", p.fail(err)
	}
	if err := f.Sync(); err != nil {
		return "", p.fail(err)
	}
	if now, err := p.lstat(); err != nil || (now == nil) != (old == nil) || now != nil && (!os.SameFile(now, old) || state(now) != state(old)) {
		return "", rpc.Errorf(rpc.Aborted, "%s changed meanwhile; nothing was done", p.path)
	}
	if w.backup && old != nil {
		name := p.name + "." + a.opts.Now().UTC().Format("20060102T150405.000000000Z") + ".bak"
		if err := p.directory.Link(p.name, name); err != nil {
			return "", p.fail(err)
		}
		backup = p.join(name)
	}
	if err := p.directory.Rename(temp, p.name); err != nil {
		return backup, p.fail(err)
	}
	if dir, err := p.directory.Open("."); err == nil {
		_ = dir.Sync() // some file systems cannot; the rename itself is done
		dir.Close()
	}
	return backup, nil
}

func (a *Agent) write(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	asked, _ := req.String("file")
	content, _ := req.String("content")
	data := []byte(content)
	if encoding, _ := req.String("encoding"); encoding == "base64" {
		var err error
		if data, err = base64.StdEncoding.DecodeString(content); err != nil {
			return rpc.Errorf(rpc.InvalidData, "the content is not base64: %v", err)
		}
	}
	if int64(len(data)) > a.opts.MaxSize {
		return rpc.Errorf(rpc.InvalidData, "the content has %d bytes, more than %d", len(data), a.opts.MaxSize)
	}
	w, err := wishOf(req)
	if err != nil {
		return err
	}
	p, err := a.opts.find(asked)
	if err != nil {
		return err
	}
	defer p.close()
	old, checksum, err := w.before(ctx, p)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(data)
	wanted := hex.EncodeToString(digest[:])
	reply.Set("checksum", wanted)
	reply.Set("size", int64(len(data)))
	if w.same(old, checksum, wanted) {
		return nil
	}
	reply.Set("changed", true)
	if w.noop {
		return nil
	}
	backup, err := a.put(p, bytes.NewReader(data), &w, old)
	reply.Set("changed", err == nil)
	reply.Set("backup", backup)
	return err
}

// put writes data to a new file and renames that.
func (a *Agent) put(p *place, data *bytes.Reader, w *wish, old fs.FileInfo) (backup string, err error) {
	temp := "." + short(p.name) + "." + rand.Text() + ".mco-new"
	f, err := p.directory.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", p.fail(err)
	}
	defer func() {
		f.Close()
		if err != nil {
			_ = p.directory.Remove(temp) // the error that led here counts
		}
	}()
	if _, err := data.WriteTo(f); err != nil {
		return "", p.fail(err)
	}
	return a.replace(p, f, temp, w, old)
}

// short leaves room for what is added to a name, of which a file system lets pass
// 255 bytes.
func short(name string) string { return name[:min(len(name), 100)] }

func (a *Agent) remove(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	asked, _ := req.String("file")
	p, err := a.opts.find(asked)
	if err != nil {
		return err
	}
	defer p.close()
	fi, err := p.lstat()
	if err != nil || fi == nil {
		return err
	}
	if expect, given := req.String("expect"); given {
		checksum, _, err := p.sum(ctx)
		if err != nil {
			return err
		}
		if checksum != expect {
			return rpc.Errorf(rpc.Aborted, "the SHA-256 of %s is %s and not %s; nothing was done", asked, checksum, expect)
		}
	}
	reply.Set("changed", true)
	if noop, _ := req.Bool("noop"); noop {
		return nil
	}
	if err := p.directory.Remove(p.name); err != nil {
		reply.Set("changed", false)
		return p.fail(err)
	}
	return nil
}

// upload returns the name under which a file lies while its parts arrive.
func (p *place) upload(req *agent.Request) string {
	id, _ := req.String("upload")
	return "." + short(p.name) + "." + id + ".mco-part"
}

// part opens the file in which parts are collected, and makes sure that it is our
// own: in a directory like /tmp anybody could have made one of that name.
func (p *place) part(name string, flags int) (*os.File, int64, error) {
	f, err := p.directory.OpenFile(name, os.O_RDWR|nonblock|flags, 0o600)
	if err != nil {
		return nil, 0, err
	}
	fi, err := f.Stat()
	if err == nil {
		var at fs.FileInfo
		if at, err = p.directory.Lstat(name); err == nil && (!os.SameFile(at, fi) || !fi.Mode().IsRegular() || int(ownerOf(fi).uid) != os.Geteuid()) {
			err = errors.New("the file for its parts is not the agent's")
		}
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, fi.Size(), nil
}

func (a *Agent) store(_ context.Context, req *agent.Request, reply *rpc.Reply) error {
	asked, _ := req.String("file")
	p, err := a.opts.find(asked)
	if err != nil {
		return err
	}
	defer p.close()
	text, given := req.String("data")
	if !given {
		f, size, err := p.part(p.upload(req), 0)
		if err == nil {
			f.Close()
		} else if !errors.Is(err, fs.ErrNotExist) {
			return p.fail(err)
		}
		reply.Set("offset", size)
		return nil
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return rpc.Errorf(rpc.InvalidData, "the data is not base64: %v", err)
	}
	f, size, err := p.part(p.upload(req), os.O_CREATE)
	if err != nil {
		return p.fail(err)
	}
	defer f.Close()
	reply.Set("offset", size)
	offset, _ := req.Int("offset")
	end := offset + int64(len(data))
	switch {
	case offset < 0 || offset > size:
		return rpc.Errorf(rpc.InvalidData, "the part begins at %d, and there are %d bytes so far", offset, size)
	case end > a.opts.MaxSize || end < offset:
		return rpc.Errorf(rpc.InvalidData, "the file would have %d bytes, more than %d", end, a.opts.MaxSize)
	}
	_, err = f.WriteAt(data, offset)
	if err == nil {
		err = f.Truncate(end)
	}
	if err = cmp.Or(err, f.Close()); err != nil {
		return p.fail(err)
	}
	reply.Set("offset", end)
	return nil
}

func (a *Agent) commit(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	asked, _ := req.String("file")
	wanted, _ := req.String("checksum")
	w, err := wishOf(req)
	if err != nil {
		return err
	}
	p, err := a.opts.find(asked)
	if err != nil {
		return err
	}
	defer p.close()
	f, size, err := p.part(p.upload(req), 0)
	switch {
	case errors.Is(err, fs.ErrNotExist) && w.noop:
		reply.Set("checksum", wanted) // before anything is stored the question is what a copy would do
	case errors.Is(err, fs.ErrNotExist):
		return rpc.Errorf(rpc.Aborted, "no part of %s was stored", asked)
	case err != nil:
		return p.fail(err)
	default:
		defer f.Close()
		got, err := sum(ctx, f)
		if err != nil {
			return p.fail(err)
		}
		reply.Set("checksum", got)
		reply.Set("size", size)
		if got != wanted {
			return rpc.Errorf(rpc.Aborted, "the SHA-256 of what was stored is %s and not %s; nothing was done", got, wanted)
		}
	}
	old, checksum, err := w.before(ctx, p)
	if err != nil {
		return err
	}
	changed := !w.same(old, checksum, wanted)
	reply.Set("changed", changed)
	if w.noop {
		return nil
	}
	if !changed {
		return p.directory.Remove(p.upload(req))
	}
	backup, err := a.replace(p, f, p.upload(req), &w, old)
	reply.Set("changed", err == nil)
	reply.Set("backup", backup)
	return err
}

func (a *Agent) discard(_ context.Context, req *agent.Request, reply *rpc.Reply) error {
	asked, _ := req.String("file")
	p, err := a.opts.find(asked)
	if err != nil {
		return err
	}
	defer p.close()
	err = p.directory.Remove(p.upload(req))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return p.fail(err)
	}
	reply.Set("changed", err == nil)
	return nil
}
