//go:build !unix

package daemon

import "os"

// lock does nothing where files are not locked by advice: the pid in the file
// decides alone.
func lock(*os.File) error { return nil }

func alive(pid int) bool {
	p, err := os.FindProcess(pid) // opens the process, so it fails for one that is gone
	if err != nil {
		return false
	}
	p.Release()
	return true
}
