//go:build !unix

package daemon

import (
	"os"
	"syscall"
)

func watched() []os.Signal { return []os.Signal{os.Interrupt, syscall.SIGTERM} }

func meaning(os.Signal) string { return "stop" }
