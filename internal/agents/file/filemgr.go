package file

import (
	"context"
	"crypto/md5"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"mcollective/agent"
	"mcollective/rpc"
)

//go:embed filemgr.yaml
var filemgrDefinition []byte

// A Filemgr is the agent filemgr, as it was published for Ruby MCollective.
type Filemgr struct {
	*agent.Mux
	opts Options
}

// NewFilemgr makes the agent.
func NewFilemgr(o Options) (*Filemgr, error) {
	a := &Filemgr{opts: o.settled()}
	var err error
	a.Mux, err = agent.NewMux("filemgr.yaml", filemgrDefinition, map[string]agent.ActionFunc{"touch": a.touch, "remove": a.remove, "status": a.status})
	return a, err
}

// Active says no where files have no owners.
func (a *Filemgr) Active(context.Context) error { return active() }

// find opens the directory of the file that a request names.
func (a *Filemgr) find(req *agent.Request) (string, *place, error) {
	name, given := req.String("file")
	if !given {
		name = a.opts.Touch
	}
	p, err := a.opts.find(name)
	return name, p, err
}

func (a *Filemgr) touch(_ context.Context, req *agent.Request, _ *rpc.Reply) error {
	name, p, err := a.find(req)
	if err != nil {
		return err
	}
	defer p.close()
	if noop, _ := req.Bool("noop"); noop {
		return nil
	}
	now := a.opts.Now()
	fi, err := p.lstat()
	if err == nil && fi == nil {
		var f *os.File
		if f, err = p.directory.OpenFile(p.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL|nonblock, 0o644); err == nil {
			err = f.Close()
		}
	}
	if err == nil && fi != nil && fi.Mode()&fs.ModeSymlink != 0 {
		err = trusted(p.name, fi)
	}
	if err == nil {
		err = p.directory.Chtimes(p.name, now, now)
	}
	if err != nil {
		return rpc.Errorf(rpc.Aborted, "Could not touch file '%s': %v", name, reason(err))
	}
	return nil
}

func (a *Filemgr) remove(_ context.Context, req *agent.Request, _ *rpc.Reply) error {
	name, p, err := a.find(req)
	if err != nil {
		return err
	}
	defer p.close()
	fi, err := p.lstat()
	switch {
	case err == nil && fi == nil:
		return rpc.Errorf(rpc.Aborted, "Could not remove file '%s' - it is not present", name)
	case err == nil && fi.IsDir():
		err = errors.New("is a directory")
	}
	if noop, _ := req.Bool("noop"); err == nil && !noop {
		err = p.directory.Remove(p.name)
	}
	if err != nil {
		return rpc.Errorf(rpc.Aborted, "Could not remove file '%s': %v", name, reason(err))
	}
	return nil
}

// status follows no link, and says 0 for what is unknown of a file that is not
// there.
func (a *Filemgr) status(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	name, p, err := a.find(req)
	reply.Set("name", name)
	for _, output := range []string{"present", "size", "mtime", "ctime", "atime", "mtime_seconds", "ctime_seconds", "atime_seconds", "md5", "uid", "gid"} {
		reply.Set(output, int64(0))
	}
	reply.Set("output", "not present")
	reply.Set("type", "unknown")
	reply.Set("mode", "0000")
	if err != nil {
		return err
	}
	defer p.close()
	fi, err := p.lstat()
	if err != nil {
		return err
	}
	if fi == nil {
		return rpc.Errorf(rpc.Aborted, "%s does not exist", name)
	}
	own := ownerOf(fi)
	atime, ctime := times(fi)
	for output, value := range map[string]any{
		"output": "present", "present": int64(1), "size": fi.Size(), "type": kind(fi.Mode()), "mode": fullMode(fi.Mode()),
		"uid": int64(own.uid), "gid": int64(own.gid),
	} {
		reply.Set(output, value)
	}
	for output, t := range map[string]time.Time{"mtime": fi.ModTime(), "ctime": ctime, "atime": atime} {
		reply.Set(output, t.Format("2006-01-02 15:04:05 -0700"))
		reply.Set(output+"_seconds", t.Unix())
	}
	if wanted, _ := req.Bool("dirlist"); wanted && fi.IsDir() {
		names, err := p.names(fi)
		if err != nil {
			return err
		}
		reply.Set("dir_listing", names)
	}
	if !fi.Mode().IsRegular() {
		return nil
	}
	f, err := p.open()
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := digest(ctx, md5.New(), f)
	if err != nil {
		return p.fail(err)
	}
	reply.Set("md5", text)
	return nil
}

// fullMode is as Ruby shows it, with the type of the file.
func fullMode(m fs.FileMode) string {
	types := map[string]string{"file": "10", "directory": "4", "symlink": "12", "socket": "14", "fifo": "1", "chardev": "2", "blockdev": "6"}
	return fmt.Sprintf("%s%s", types[kind(m)], octal(m))
}
