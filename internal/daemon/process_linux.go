package daemon

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// maxCommandLine bounds what is read of a command line; the program comes first.
const maxCommandLine = 64 << 10

// commandLine returns the program of a process and its arguments, which is nothing
// for a zombie and for a thread of the kernel.
func commandLine(pid int) ([]string, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxCommandLine))
	if err != nil {
		return nil, err
	}
	if text = bytes.TrimRight(text, "\x00"); len(text) == 0 {
		return nil, nil
	}
	// Programs that set their own title separate with blanks.
	return strings.FieldsFunc(string(text), func(r rune) bool { return r == 0 || r == ' ' }), nil
}

// ownerOf returns the user as whom a process acts. The owner of its directory in
// /proc is root for a process that does not want to be looked at.
func ownerOf(pid int) (uid int, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, line, _ := strings.Cut(string(text), "\nUid:")
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return 0, fmt.Errorf("process %d: its user is not known", pid)
	}
	return strconv.Atoi(fields[1])
}

// sameProgram reports whether a process certainly runs the program of this one.
func sameProgram(pid int) bool {
	ours, err := os.Stat("/proc/self/exe")
	if err != nil {
		return false
	}
	theirs, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid))
	return err == nil && os.SameFile(ours, theirs)
}
