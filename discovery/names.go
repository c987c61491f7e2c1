package discovery

import (
	"fmt"
	"io"
	"strings"

	"mcollective/filter"
	"mcollective/internal/plainfile"
)

// maxInput bounds what is read as a list of names: a million long ones.
const maxInput = 64 << 20

func readAll(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxInput+1))
	if err == nil && len(data) > maxInput {
		err = fmt.Errorf("it is larger than %d bytes", maxInput)
	}
	if err != nil {
		return nil, err
	}
	return plainfile.DecodeText(data)
}

// lines reads names, one to a line.
func lines(data []byte, comments bool) ([]string, error) {
	var names []string
	n := 0
	for line := range strings.SplitSeq(string(data), "\n") {
		n++
		name := strings.TrimSpace(line)
		if name == "" || comments && name[0] == '#' {
			continue
		}
		if !filter.IsIdentity(name) {
			return nil, fmt.Errorf("line %d: %q is no identity: only letters, digits and _ . - are allowed", n, name)
		}
		names = append(names, name)
	}
	return names, nil
}
