package credential

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"mcollective/internal/pause"
)

// How long another process may keep a lock, and how often it is asked for. Nobody keeps one for longer than it
// takes to write two files.
const (
	lockTimeout = 10 * time.Second
	lockEvery   = 5 * time.Millisecond
)

var (
	errLocked   = errors.New("another process works with it")
	errLockless = errors.New("its file system has no locks; move it to one that has them")
)

// hold locks a file or a directory, which has to be there, until release is called. It excludes everybody else
// who calls it, in this process, too. No file is made for it: that would be root's where root was first.
func hold(path string, flag int) (release func(), err error) {
	f, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(lockTimeout)
	for err = lock(f); errors.Is(err, errLocked) && time.Now().Before(deadline); err = lock(f) {
		_ = pause.For(context.Background(), lockEvery)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}

// holdDir is hold of a directory. Without locks, as directories are on NFS, it holds nothing: what it is for
// is also read anew before it is written, and those who hear of a bundle check that it lacks no revocation.
func holdDir(dir string) (release func(), err error) {
	release, err = hold(dir, os.O_RDONLY)
	if errors.Is(err, errLockless) {
		return func() {}, nil
	}
	return release, err
}
