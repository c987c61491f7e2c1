//go:build !unix

package trust

import (
	"errors"
	"io/fs"
	"os"
)

// On this system the rights of files are not read. Anyone who sets it up keeps the directories to himself.

func walk(path string) (fs.FileInfo, error) { return os.Stat(path) }

func walkInterpreter(path string) (fs.FileInfo, error) {
	fi, err := walk(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return fi, err
}

func secret(string, fs.FileInfo) error { return nil }
