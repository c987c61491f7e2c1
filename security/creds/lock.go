package creds

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// lockName is the file that the process holds that a memory belongs to. What it says is for people.
const lockName = "lock"

var errLocked = errors.New("another process holds it")

// own makes a memory that of this process until the file is closed, at the latest by the end of the process: two that
// remember side by side would each execute a request.
func own(dir string) (*os.File, error) {
	path := filepath.Join(dir, lockName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = lock(f)
	if errors.Is(err, errLocked) {
		holder, _ := io.ReadAll(io.LimitReader(f, 64))
		err = fmt.Errorf("a node runs with this directory already (%.64q); end that one, or have this one join with another --dir", strings.TrimSpace(string(holder)))
	}
	if err == nil {
		if err = f.Truncate(0); err == nil {
			_, err = fmt.Fprintf(f, "process %d\n", os.Getpid())
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return f, nil
}
