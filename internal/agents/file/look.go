package file

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/user"
	"strconv"
	"strings"
	"unicode/utf8"

	"mcollective/agent"
	"mcollective/rpc"
)

// maxNames is how many names of a directory are told.
const maxNames = 10_000

func (a *Agent) status(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	asked, _ := req.String("file")
	reply.Set("name", asked)
	p, err := a.opts.find(asked)
	if err != nil {
		return err
	}
	defer p.close()
	fi, err := p.lstat()
	if err != nil {
		return err
	}
	if fi == nil {
		reply.Set("output", "not present")
		reply.Set("present", int64(0))
		return nil
	}
	own := ownerOf(fi)
	for name, value := range map[string]any{
		"output": "present", "present": int64(1), "type": kind(fi.Mode()), "size": fi.Size(), "mode": octal(fi.Mode()),
		"uid": int64(own.uid), "gid": int64(own.gid), "owner": userName(own.uid), "group": groupName(own.gid), "mtime_seconds": fi.ModTime().Unix(),
	} {
		reply.Set(name, value)
	}
	if fi.Mode()&fs.ModeSymlink != 0 {
		target, err := p.directory.Readlink(p.name)
		if err != nil {
			return p.fail(err)
		}
		reply.Set("target", strings.ToValidUTF8(target, "\uFFFD"))
	}
	if wanted, _ := req.Bool("dirlist"); wanted && fi.IsDir() {
		names, err := p.names(fi)
		if err != nil {
			return err
		}
		reply.Set("dir_listing", names)
	}
	if wanted, _ := req.Bool("checksum"); wanted && fi.Mode().IsRegular() {
		text, _, err := p.sum(ctx)
		if err != nil {
			return err
		}
		reply.Set("checksum", text)
	}
	return nil
}

// names returns those in a directory.
func (p *place) names(fi fs.FileInfo) ([]any, error) {
	directory, err := enter(p.directory, p.name, fi)
	if err != nil {
		return nil, p.fail(err)
	}
	defer directory.Close()
	f, err := directory.Open(".")
	if err != nil {
		return nil, p.fail(err)
	}
	defer f.Close()
	names, err := f.Readdirnames(maxNames)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, p.fail(err)
	}
	list := make([]any, len(names))
	for i, name := range names {
		list[i] = strings.ToValidUTF8(name, "\uFFFD")
	}
	return list, nil
}

// sum returns the SHA-256 of a file that is there.
func (p *place) sum(ctx context.Context) (string, fs.FileInfo, error) {
	f, err := p.open()
	if err != nil {
		return "", nil, err
	}
	defer f.Close()
	text, err := sum(ctx, f)
	if err != nil {
		return "", nil, p.fail(err)
	}
	return text, f.Info(), nil
}

func userName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

func groupName(gid uint32) string {
	id := strconv.FormatUint(uint64(gid), 10)
	if g, err := user.LookupGroupId(id); err == nil {
		return g.Name
	}
	return id
}

// part reads as much of a file as a request asks for.
func part(req *agent.Request, f io.ReaderAt, size int64) (data []byte, offset int64, err error) {
	offset, _ = req.Int("offset")
	if offset < 0 {
		offset = max(size+offset, 0)
	}
	length, given := req.Int("length")
	if !given || length > maxPart {
		length = maxPart
	}
	if length < 0 || offset > size {
		return nil, 0, rpc.Errorf(rpc.InvalidData, "there is no part of %d bytes at %d in a file of %d", length, offset, size)
	}
	data = make([]byte, min(length, size-offset))
	n, err := f.ReadAt(data, offset)
	if errors.Is(err, io.EOF) {
		err = nil // it became shorter
	}
	return data[:n], offset, err
}

func (a *Agent) read(_ context.Context, req *agent.Request, reply *rpc.Reply) error {
	asked, _ := req.String("file")
	p, f, err := a.opts.readable(asked)
	if err != nil {
		return err
	}
	defer p.close()
	defer f.Close()
	size := f.Info().Size()
	// Files of /proc say that they are empty.
	if size == 0 {
		probe, err := io.ReadAll(io.LimitReader(f, maxPart))
		if err != nil {
			return p.fail(err)
		}
		size = int64(len(probe))
	}
	data, offset, err := part(req, f, size)
	if err != nil {
		return err
	}
	encoding, content := "text", string(data)
	if !utf8.Valid(data) {
		encoding, content = "base64", base64.StdEncoding.EncodeToString(data)
	}
	reply.Set("content", content)
	reply.Set("encoding", encoding)
	reply.Set("size", size)
	reply.Set("offset", offset)
	reply.Set("eof", offset+int64(len(data)) >= size)
	return nil
}

// state stands for one version of a file.
func state(fi fs.FileInfo) string {
	_, ctime := times(fi)
	return fmt.Sprintf("%d-%d-%d", fi.Size(), fi.ModTime().UnixNano(), ctime.UnixNano())
}

func (a *Agent) fetch(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	asked, _ := req.String("file")
	p, f, err := a.opts.readable(asked)
	if err != nil {
		return err
	}
	defer p.close()
	defer f.Close()
	fi := f.Info()
	if before, given := req.String("state"); given && before != state(fi) {
		return rpc.Errorf(rpc.Aborted, "%s changed since the first part of it was read; begin again", asked)
	}
	data, offset, err := part(req, f, fi.Size())
	if err != nil {
		return err
	}
	if wanted, _ := req.Bool("checksum"); wanted {
		text, err := sum(ctx, f)
		if err != nil {
			return p.fail(err)
		}
		reply.Set("checksum", text)
	}
	reply.Set("data", base64.StdEncoding.EncodeToString(data))
	reply.Set("offset", offset)
	reply.Set("size", fi.Size())
	reply.Set("eof", offset+int64(len(data)) >= fi.Size())
	reply.Set("mode", octal(fi.Mode()))
	reply.Set("state", state(fi))
	return nil
}
