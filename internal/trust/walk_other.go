//go:build !unix

package trust

import (
	"io/fs"
	"os"
)

// On this system the rights of files are not read. Whoever sets it up keeps the directories to himself.

func walk(path string) (fs.FileInfo, error) { return os.Stat(path) }

func secret(string, fs.FileInfo) error { return nil }
