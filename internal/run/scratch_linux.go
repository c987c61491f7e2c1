package run

import (
	"os"

	"golang.org/x/sys/unix"
)

// scratch returns a file in memory, for what a program prints.
func scratch() (*os.File, error) {
	fd, err := unix.MemfdCreate("mco-run", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	return os.NewFile(uintptr(fd), "mco-run"), nil
}

// seal keeps what was left behind from filling the memory: it gets an error when
// it prints more.
func seal(f *os.File) {
	unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL)
}
