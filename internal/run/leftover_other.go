//go:build !linux

package run

import (
	"context"
	"errors"
)

// Remember does nothing: what runs can be told from other programs on Linux only.
func Remember(string, func(error)) ([]*Leftover, func(), error) {
	return nil, func() {}, errors.New("programs that are left running are found on Linux only")
}

// End does nothing: there is no Leftover.
func (l *Leftover) End(context.Context) (ended int, err error) { return 0, nil }

// Wait does nothing: there is no Leftover.
func (l *Leftover) Wait(context.Context) error { return nil }
