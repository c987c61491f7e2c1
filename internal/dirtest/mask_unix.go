//go:build unix

package dirtest

import "syscall"

// Mask gives this process and its children the mask that most shells have. It is for tests whose programs write files
// themselves, as scripts do; it has to be called before any test runs.
func Mask() { syscall.Umask(0o022) }
