//go:build !unix

package daemon

import (
	"os"
	"syscall"
)

func stopSignals() []os.Signal { return []os.Signal{os.Interrupt, syscall.SIGTERM} }

func watched() []os.Signal { return stopSignals() }

func meaning(os.Signal) string { return "stop" }
