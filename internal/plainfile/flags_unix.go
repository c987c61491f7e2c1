//go:build unix

package plainfile

import "syscall"

const flags = syscall.O_NONBLOCK | syscall.O_NOCTTY
