//go:build !unix

package daemon

import (
	"os"
	"path/filepath"
)

// RunDir makes the directory for what a daemon needs to know only until the machine
// is started again, and returns it.
func RunDir() (string, error) {
	dir := filepath.Join(os.TempDir(), "mcollective")
	return dir, os.MkdirAll(dir, 0o700)
}
