//go:build !unix

package daemon

import "errors"

// A Detached is the child's line to the parent that waits for it.
type Detached struct{}

// Detach needs Unix sessions.
func Detach() (*Detached, int, error) {
	return nil, 0, errors.New("this system cannot daemonize; use --no-daemonize and a service manager")
}

// Ready does nothing.
func (*Detached) Ready() {}

// Failed does nothing.
func (*Detached) Failed(error) {}
