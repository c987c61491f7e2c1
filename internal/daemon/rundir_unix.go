//go:build unix

package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// RunDir makes the directory for what a daemon needs to know only until the machine
// is started again, and returns it: /run/mcollective for root, else mcollective in
// the user's runtime directory, or mcollective-UID in the one for temporary files. A
// TMPDIR counts before all of these. It belongs to this user, and nobody else may
// write to it.
func RunDir() (string, error) {
	uid := os.Geteuid()
	dir := filepath.Join(os.TempDir(), "mcollective-"+strconv.Itoa(uid))
	if os.Getenv("TMPDIR") == "" {
		if own := os.Getenv("XDG_RUNTIME_DIR"); uid == 0 {
			dir = "/run/mcollective"
		} else if filepath.IsAbs(own) {
			dir = filepath.Join(own, "mcollective")
		}
	}
	if err := os.Mkdir(dir, 0o711); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	fi, err := os.Lstat(dir)
	if err != nil {
		return "", err
	}
	if st, ok := fi.Sys().(*syscall.Stat_t); !ok || !fi.IsDir() || int(st.Uid) != uid || fi.Mode().Perm()&0o022 != 0 {
		return "", fmt.Errorf("%s is not a directory that only user %d may write to; remove it", dir, uid)
	}
	return dir, nil
}
