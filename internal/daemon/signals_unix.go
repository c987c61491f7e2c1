//go:build unix

package daemon

import (
	"os"
	"syscall"
)

func stopSignals() []os.Signal { return []os.Signal{syscall.SIGTERM, syscall.SIGINT} }

func watched() []os.Signal {
	return append(stopSignals(), syscall.SIGUSR1, syscall.SIGHUP, syscall.SIGUSR2, syscall.SIGWINCH)
}

func meaning(s os.Signal) string {
	switch s {
	case syscall.SIGUSR1, syscall.SIGHUP:
		return "reload"
	case syscall.SIGUSR2:
		return "level"
	case syscall.SIGWINCH:
		return "reopen"
	case syscall.SIGTERM, syscall.SIGINT:
		return "stop"
	}
	return ""
}
