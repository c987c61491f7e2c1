package data

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"mcollective/ddl"
)

// maxDigest is the size in bytes up to which a file's md5 is made. That of a
// larger one is 0, as for what is no file.
const maxDigest = 256 << 20

// Fstat tells of a file. Nothing but a regular file is ever opened, so that the
// path of a device or a pipe does no harm.
type Fstat struct {
	Now func() time.Time // default: time.Now
}

// Definition implements Plugin.
func (Fstat) Definition() *ddl.Definition { return BuiltInDefinition("fstat") }

// Query implements Plugin.
func (p Fstat) Query(ctx context.Context, path string) (map[string]any, error) {
	if strings.ContainsRune(path, 0) {
		return nil, errors.New("string contains null byte")
	}
	out := map[string]any{
		"name": path, "output": "not present", "type": "unknown", "mode": "0000", "present": 0, "size": 0, "md5": 0, "uid": 0, "gid": 0,
		"mtime": 0, "ctime": 0, "atime": 0, "mtime_seconds": 0, "ctime_seconds": 0, "atime_seconds": 0,
	}
	if _, err := os.Stat(path); err != nil { // a link to nothing is not present
		return out, nil
	}
	info, err := os.Lstat(path)
	if err != nil {
		return out, nil // it was just removed
	}
	now := time.Now
	if p.Now != nil {
		now = p.Now
	}
	s := details(info)
	out["output"], out["present"] = "present", 1
	out["size"], out["uid"], out["gid"] = info.Size(), s.uid, s.gid
	out["mode"] = fmt.Sprintf("%o", s.mode)
	for name, at := range map[string]time.Time{"mtime": s.mtime, "ctime": s.ctime, "atime": s.atime} {
		out[name] = at.Local().Format(time.DateTime)
		out[name+"_seconds"] = at.Unix()
		out[name+"_age"] = now().Unix() - at.Unix()
	}
	out["type"] = fileType(info.Mode())
	if info.Mode().IsRegular() && info.Size() <= maxDigest {
		if out["md5"], err = digest(ctx, path, info); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func fileType(m fs.FileMode) string {
	switch m.Type() {
	case 0:
		return "file"
	case fs.ModeDir:
		return "directory"
	case fs.ModeSymlink:
		return "symlink"
	case fs.ModeSocket:
		return "socket"
	case fs.ModeDevice | fs.ModeCharDevice:
		return "chardev"
	case fs.ModeDevice:
		return "blockdev"
	}
	return "unknown"
}

// digest is the md5 of a file, which must still be the one that info tells of:
// what a path stands for may change at any moment.
func digest(ctx context.Context, path string, info fs.FileInfo) (any, error) {
	f, err := openQuietly(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	opened, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !os.SameFile(info, opened) {
		return nil, fmt.Errorf("%s was replaced by another file meanwhile", path)
	}
	sum := md5.New()
	left := int64(maxDigest)
	for buf := make([]byte, 64<<10); ; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := f.Read(buf)
		sum.Write(buf[:n])
		if left -= int64(n); left < 0 {
			return 0, nil // it grew
		}
		if err == io.EOF {
			return hex.EncodeToString(sum.Sum(nil)), nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// stat is what a file system knows beyond fs.FileInfo.
type stat struct {
	mode                uint32
	uid, gid            uint32
	mtime, ctime, atime time.Time
}
