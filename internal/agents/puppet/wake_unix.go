//go:build unix

package puppet

import "syscall"

// wake has the daemon run now.
func wake(pid int) error { return syscall.Kill(pid, syscall.SIGUSR1) }
