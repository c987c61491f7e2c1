//go:build !linux

package data

import (
	"io/fs"
	"os"
)

func details(info fs.FileInfo) stat {
	return stat{mode: uint32(info.Mode().Perm()), mtime: info.ModTime(), ctime: info.ModTime(), atime: info.ModTime()}
}

func openQuietly(path string) (*os.File, error) { return os.Open(path) }
