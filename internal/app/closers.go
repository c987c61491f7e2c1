package app

import (
	"errors"
	"slices"
)

// closers undo what was started, the last first.
type closers struct{ list []func() error }

func (c *closers) add(f func() error) { c.list = append(c.list, f) }

// close calls them all, once.
func (c *closers) close() error {
	var err error
	for _, f := range slices.Backward(c.list) {
		err = errors.Join(err, f())
	}
	c.list = nil
	return err
}
