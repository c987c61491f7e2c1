package trust

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
)

// longestLine is how much of a first line counts, as for the kernel.
const longestLine = 256

// interpreter returns the words of the first line of a trusted script behind its #!: the interpreter and its
// arguments. There are none for a program that is not a script.
func interpreter(path string, fi fs.FileInfo) ([]string, error) {
	if !fi.Mode().IsRegular() {
		return nil, nil // the system says what it is to whoever runs it
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrPermission) {
		return nil, nil // a program may be executable only; a script that is cannot run
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, longestLine))
	if err != nil {
		return nil, err
	}
	line, ok := bytes.CutPrefix(head, []byte("#!"))
	if !ok {
		return nil, nil
	}
	line, _, _ = bytes.Cut(line, []byte("\n"))
	return strings.Fields(string(line)), nil
}
