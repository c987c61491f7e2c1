package process

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// send signals a process. It holds the process first and then looks again whether
// it is still the one that was meant, as its number may be another's by now.
func (a *Agent) send(p *proc, name string) error {
	sig := unix.SignalNum("SIG" + name)
	if sig == 0 {
		return fmt.Errorf("there is no signal %s", name)
	}
	fd, err := unix.PidfdOpen(p.pid, 0)
	switch {
	case errors.Is(err, unix.ESRCH):
		return errGone
	case err == nil:
		defer unix.Close(fd)
	case !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM):
		return fmt.Errorf("cannot hold the process: %w", err)
	}
	if again, ok := a.table.one(p.pid); !ok || again.start != p.start {
		return errGone
	}
	if err == nil {
		err = unix.PidfdSendSignal(fd, sig, nil, 0)
	} else { // before Linux 5.3
		err = unix.Kill(p.pid, sig)
	}
	if errors.Is(err, unix.ESRCH) {
		return errGone
	}
	return err
}
