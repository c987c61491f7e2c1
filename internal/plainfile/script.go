package plainfile

import (
	"bytes"
	"io"
	"strings"
)

// longestLine is how much of the first line of a script counts, as for the kernel.
const longestLine = 256

// FirstLine returns the first line of a file, as far as the kernel reads it.
func FirstLine(path string) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, longestLine))
	line, _, _ := bytes.Cut(head, []byte("\n"))
	return line, err
}

// Interpreter returns the words of the first line of a script behind its #!: the
// interpreter and its arguments. There are none for a file that is not a script.
func Interpreter(path string) ([]string, error) {
	line, err := FirstLine(path)
	if err != nil {
		return nil, err
	}
	text, ok := strings.CutPrefix(string(line), "#!")
	if !ok {
		return nil, nil
	}
	return strings.Fields(text), nil
}
