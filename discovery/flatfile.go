package discovery

import (
	"context"
	"fmt"
	"os"
)

// Flatfile is the method that reads names from a file, one to a line. Blank lines
// and those that begin with # are skipped.
type Flatfile struct {
	Path string
}

// Discover returns the names in the file that the identity filters select, in the
// order of the file. Any other kind of filter is an error, and so is a file without
// names (ErrNoNames).
func (m Flatfile) Discover(_ context.Context, q Query) ([]string, error) {
	if m.Path == "" {
		return nil, fmt.Errorf("the flatfile discovery method needs a path to a text file; name it with --disc-option or --nodes")
	}
	if err := namesOnly("flatfile", q.Filter); err != nil {
		return nil, err
	}
	f, err := os.Open(m.Path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the discovery file: %w", err)
	}
	defer f.Close()
	data, err := readAll(f)
	if err != nil {
		return nil, fmt.Errorf("cannot read the discovery file %s: %w", m.Path, err)
	}
	names, err := lines(data, true)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.Path, err)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: there is no name in %s", ErrNoNames, m.Path)
	}
	return local(names, q)
}
