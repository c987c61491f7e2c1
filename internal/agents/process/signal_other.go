//go:build !linux

package process

import "errors"

func (a *Agent) send(*proc, string) error { return errors.New("signals are sent on Linux only") }
