package trust

import (
	"errors"
	"io/fs"

	"mcollective/internal/plainfile"
)

// interpreter returns the words of the first line of a trusted script. There are none
// for a program that is not a script.
func interpreter(path string, fi fs.FileInfo) ([]string, error) {
	if !fi.Mode().IsRegular() {
		return nil, nil // the system says what it is to anyone who runs it
	}
	words, err := plainfile.Interpreter(path)
	if errors.Is(err, fs.ErrPermission) {
		return nil, nil // a program may be executable only; a script that is cannot run
	}
	return words, err
}
