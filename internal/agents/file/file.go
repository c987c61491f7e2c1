// Package file is the agent that reads, writes, copies and removes files, and the agent filemgr of earlier days.
//
// A file is only touched through its directory, which is opened part by part from
// the root on, so that nobody can lead the agent astray: a symbolic link on the
// way is followed if it belongs to root or to the user that the agent runs as,
// and not if somebody else put it there, as in /tmp. A file is replaced by
// renaming a complete one, so that nobody ever reads half of it.
package file

import (
	"cmp"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"mcollective/agent"
	"mcollective/internal/plainfile"
	"mcollective/rpc"
)

//go:embed file.yaml
var definition []byte

// Options configure the agents.
type Options struct {
	Allow []string // absolute directories; only what is inside of one may be touched. Default: everything
	Deny  []string // directories or files that may not, even if they are inside of one that may

	MaxSize int64  // bytes of a file that is written; default 1 GiB
	Touch   string // the file of filemgr if a request names none; default: /var/run/mcollective.plugin.filemgr.touch

	Now func() time.Time // default: time.Now
}

func (o Options) settled() Options {
	o.MaxSize = cmp.Or(o.MaxSize, 1<<30)
	o.Touch = cmp.Or(o.Touch, "/var/run/mcollective.plugin.filemgr.touch")
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// maxPart is how many bytes one reply or request carries: with base64 around it
// stays far below what brokers let pass.
const maxPart = 256 << 10

// An Agent is the agent file.
type Agent struct {
	*agent.Mux
	opts Options
}

// New makes the agent.
func New(o Options) (*Agent, error) {
	a := &Agent{opts: o.settled()}
	var err error
	a.Mux, err = agent.NewMux("file.yaml", definition, map[string]agent.ActionFunc{
		"status": a.status, "read": a.read, "write": a.write, "remove": a.remove,
		"fetch": a.fetch, "store": a.store, "commit": a.commit, "discard": a.discard,
	})
	return a, err
}

// Active says no where files have no owners.
func (a *Agent) Active(context.Context) error { return active() }

func active() error {
	if runtime.GOOS == "windows" {
		return errors.New("it works on Unix only")
	}
	return nil
}

// A place is a file or where one could be: its directory, which is held open, and
// its name in there.
type place struct {
	directory *os.Root
	name      string
	path      string // as it was asked for
	real      string // without links on the way
}

func (p *place) close() { p.directory.Close() }

// maxLinks is how many symbolic links are followed on the way.
const maxLinks = 40

// find opens the directory of a path.
func (o Options) find(asked string) (*place, error) {
	p, err := o.locate(asked)
	if err != nil {
		return nil, o.because(asked, err)
	}
	if p.name == "." {
		p.close()
		return nil, rpc.Errorf(rpc.InvalidData, "/ is no file")
	}
	return p, nil
}

// because is the error for a file that cannot be reached.
func (o Options) because(asked string, err error) error {
	var said *rpc.Error
	if errors.As(err, &said) {
		return err
	}
	return rpc.Errorf(rpc.Aborted, "%s: %v", asked, reason(err))
}

// locate opens the directory of a path. That of / is itself, in which its name is a dot. Errors are those of
// the system, or an rpc.Error for what is not allowed.
func (o Options) locate(asked string) (*place, error) {
	if !path.IsAbs(asked) || strings.ContainsRune(asked, 0) || len(asked) > 4096 {
		return nil, rpc.Errorf(rpc.InvalidData, "%q is not the path of a file from the root on", asked)
	}
	dir, name := path.Split(strings.TrimRight(asked, "/"))
	if name == "." || name == ".." { // a directory that is known when the way there was gone
		root, real, err := open(asked)
		if err != nil {
			return nil, err
		}
		root.Close()
		dir, name = path.Split(real)
	}
	directory, real, err := open(dir)
	if err != nil {
		return nil, err
	}
	name = cmp.Or(name, ".")
	p := &place{directory: directory, name: name, path: asked, real: path.Join(real, name)}
	// What counts is where the way led, not what it is called.
	if err := o.permit(p.real); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// permit compares a path without links with the directories of the configuration,
// both as they are written and as they are without links now.
func (o Options) permit(real string) error {
	inside := func(directory string) bool {
		directory = path.Clean(directory)
		return directory == "/" || real == directory || strings.HasPrefix(real, directory+"/")
	}
	ok := len(o.Allow) == 0
	for _, directory := range o.Allow {
		if ok = ok || inside(directory); ok {
			break
		}
		// A link that somebody else put there allows nothing.
		if root, resolved, err := open(directory); err == nil {
			root.Close()
			ok = inside(resolved)
		}
	}
	for _, directory := range o.Deny {
		ok = ok && !inside(directory) && !inside(resolve(directory))
	}
	if !ok {
		return rpc.Errorf(rpc.Aborted, "%s: the configuration of this node does not allow it", real)
	}
	return nil
}

// resolve returns a path without links, as far as there is something.
func resolve(name string) string {
	for there, rest := path.Clean(name), ""; there != "/"; there, rest = path.Dir(there), path.Join(path.Base(there), rest) {
		if real, err := filepath.EvalSymlinks(there); err == nil {
			return path.Join(real, rest)
		}
	}
	return name
}

// open opens a directory, one part of its path after the other, and returns with it
// the path without links.
func open(directory string) (*os.Root, string, error) {
	type step struct {
		root *os.Root
		name string
	}
	root, err := os.OpenRoot("/")
	if err != nil {
		return nil, "", err
	}
	way := []step{{root, ""}}
	drop := func() { // the last step
		way[len(way)-1].root.Close()
		way = way[:len(way)-1]
	}
	defer func() {
		for len(way) > 0 {
			drop()
		}
	}()
	todo, links := strings.Split(strings.Trim(directory, "/"), "/"), 0
	for len(todo) > 0 {
		part := todo[0]
		todo = todo[1:]
		here := way[len(way)-1].root
		switch part {
		case "", ".":
			continue
		case "..":
			if len(way) > 1 {
				drop()
			}
			continue
		}
		fi, err := here.Lstat(part)
		if err != nil {
			return nil, "", err
		}
		if fi.Mode()&fs.ModeSymlink == 0 {
			next, err := enter(here, part, fi)
			if err != nil {
				return nil, "", err
			}
			way = append(way, step{next, part})
			continue
		}
		if links++; links > maxLinks {
			return nil, "", errors.New("too many symbolic links on the way")
		}
		if err := trusted(part, fi); err != nil {
			return nil, "", err
		}
		target, err := here.Readlink(part)
		if err != nil {
			return nil, "", err
		}
		if path.IsAbs(target) {
			for len(way) > 1 {
				drop()
			}
		}
		todo = append(strings.Split(strings.Trim(target, "/"), "/"), todo...)
	}
	var names []string
	for _, s := range way[1:] {
		names = append(names, s.name)
	}
	last := way[len(way)-1].root
	way = way[:len(way)-1]
	return last, "/" + strings.Join(names, "/"), nil
}

// enter opens a directory, and makes sure that it is still the one that was looked
// at.
func enter(root *os.Root, name string, was fs.FileInfo) (*os.Root, error) {
	if !was.IsDir() {
		return nil, syscall.ENOTDIR
	}
	next, err := root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	if is, err := next.Stat("."); err != nil || !os.SameFile(was, is) {
		next.Close()
		return nil, fmt.Errorf("%s changed meanwhile", name)
	}
	return next, nil
}

// trusted tells links that may be followed from those that somebody else put in
// the way.
func trusted(name string, link fs.FileInfo) error {
	if uid := ownerOf(link).uid; uid != 0 && int(uid) != os.Geteuid() {
		return fmt.Errorf("the symbolic link %s belongs to user %d and is not followed", name, uid)
	}
	return nil
}

// lstat looks at the file itself. It is nil if there is none.
func (p *place) lstat() (fs.FileInfo, error) {
	fi, err := p.directory.Lstat(p.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, p.fail(err)
	}
	return fi, nil
}

// open opens a regular file for reading, which must still be the one that is there.
func (p *place) open() (*plainfile.File, error) {
	was, err := p.lstat()
	if err != nil {
		return nil, err
	}
	if was == nil {
		return nil, p.fail(fs.ErrNotExist)
	}
	if !was.Mode().IsRegular() {
		return nil, rpc.Errorf(rpc.Aborted, "%s is a %s, not a file", p.path, kind(was.Mode()))
	}
	opened, err := p.directory.OpenFile(p.name, plainfile.Flags, 0)
	if err != nil {
		return nil, p.fail(err)
	}
	f, err := plainfile.From(opened)
	if err != nil || !os.SameFile(was, f.Info()) {
		opened.Close() // again, if From has refused it
		return nil, rpc.Errorf(rpc.Aborted, "%s changed meanwhile", p.path)
	}
	return f, nil
}

// readable finds a file whose content is wanted: that one or, if it is a link that
// can be trusted, where it leads.
func (o Options) readable(asked string) (*place, *plainfile.File, error) {
	at := asked
	for range maxLinks {
		p, err := o.find(at)
		if err != nil {
			return nil, nil, err
		}
		fi, err := p.lstat()
		if err == nil && fi != nil && fi.Mode()&fs.ModeSymlink != 0 {
			if err = trusted(p.path, fi); err == nil {
				var target string
				if target, err = p.directory.Readlink(p.name); err == nil {
					if !path.IsAbs(target) {
						target = path.Dir(p.real) + "/" + target
					}
					p.close()
					at = target
					continue
				}
			}
			err = rpc.Errorf(rpc.Aborted, "%s: %v", asked, reason(err))
		}
		if err != nil {
			p.close()
			return nil, nil, err
		}
		f, err := p.open()
		if err != nil {
			p.close()
			return nil, nil, err
		}
		return p, f, nil
	}
	return nil, nil, rpc.Errorf(rpc.Aborted, "%s: too many symbolic links on the way", asked)
}

// fail is an error about the file, with its path once and as it was asked for.
func (p *place) fail(err error) error {
	return rpc.Errorf(rpc.Aborted, "%s: %v", p.path, reason(err))
}

// reason is what package os says without what it was about.
func reason(err error) error {
	var at *fs.PathError
	var link *os.LinkError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("no such file or directory")
	case errors.As(err, &at):
		return at.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}

// sum reads a file for its SHA-256, as long as there is time.
func sum(ctx context.Context, f io.Reader) (string, error) { return digest(ctx, sha256.New(), f) }

// digest reads a file for its checksum, as long as there is time.
func digest(ctx context.Context, h hash.Hash, f io.Reader) (string, error) {
	for {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		_, err := io.CopyN(h, f, 4<<20)
		if errors.Is(err, io.EOF) {
			return hex.EncodeToString(h.Sum(nil)), nil
		}
		if err != nil {
			return "", err
		}
	}
}

// kind returns the word for the type of a file.
func kind(m fs.FileMode) string {
	switch m.Type() {
	case 0:
		return "file"
	case fs.ModeDir:
		return "directory"
	case fs.ModeSymlink:
		return "symlink"
	case fs.ModeSocket:
		return "socket"
	case fs.ModeNamedPipe:
		return "fifo"
	case fs.ModeDevice | fs.ModeCharDevice:
		return "chardev"
	case fs.ModeDevice:
		return "blockdev"
	}
	return "unknown"
}

// octal returns the permissions of a file as chmod takes them.
func octal(m fs.FileMode) string {
	n := uint32(m.Perm())
	for bit, flag := range map[uint32]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if m&flag != 0 {
			n |= bit
		}
	}
	return fmt.Sprintf("%04o", n)
}

func (p *place) join(name string) string { return filepath.Join(filepath.Dir(p.path), name) }
