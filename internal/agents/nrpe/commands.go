package nrpe

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"mcollective/internal/plainfile"
	"mcollective/internal/trust"
)

// Bounds on what is read, so that a directory that is no directory of checks does no
// harm.
const (
	maxFiles    = 1000
	maxBytes    = 1 << 20
	maxIncludes = 8 // deep
)

var commandLine = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\s*command\[([^\]]+)\]\s*=\s*(.+?)\s*$`)
})

// commands returns the lines of the checks by name. They are read for each request,
// as people change them; of two with the same name the last counts.
func (o Options) commands() (map[string]string, error) {
	r := reader{commands: map[string]string{}}
	switch {
	case o.File != "":
		r.file(o.file(), 0)
	default:
		for _, directory := range o.Directories {
			r.directory(directory, 0, false)
		}
	}
	if o.Config != "" {
		r.file(o.Config, 0)
	}
	return r.commands, r.err
}

// sources returns the files and directories that commands come from.
func (o Options) sources() []string {
	list := slices.Clone(o.Directories)
	if o.File != "" {
		list = []string{o.file()}
	}
	if o.Config != "" {
		list = append(list, o.Config)
	}
	return list
}

// file returns the path of File.
func (o Options) file() string {
	if filepath.IsAbs(o.File) {
		return o.File
	}
	return filepath.Join(o.Directories[0], o.File)
}

type reader struct {
	commands map[string]string
	files    int
	err      error
}

func (r *reader) directory(dir string, depth int, deep bool) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.fail(err)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case deep && e.IsDir() && depth < maxIncludes:
			r.directory(path, depth+1, deep)
		case filepath.Ext(path) == ".cfg":
			r.file(path, depth)
		}
	}
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = fmt.Errorf("cannot read the checks: %w", err)
	}
}

func (r *reader) file(path string, depth int) {
	if r.files++; r.files > maxFiles || depth > maxIncludes {
		r.fail(fmt.Errorf("%s includes too many files", path))
		return
	}
	text, err := plainfile.Text(path, maxBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err = cmp.Or(err, trust.Check(path)); err != nil {
		r.fail(err)
		return
	}
	for line := range bytes.Lines(text) {
		line := strings.TrimSpace(string(line))
		if m := commandLine().FindStringSubmatch(line); m != nil {
			r.commands[m[1]] = m[2]
			continue
		}
		key, value, _ := strings.Cut(line, "=")
		switch value = strings.TrimSpace(value); strings.TrimSpace(key) {
		case "include", "include_file":
			r.file(value, depth+1)
		case "include_dir":
			r.directory(value, depth+1, true)
		}
	}
}

// places returns the highest number of $ARG1$ and so on in a line.
func places(words []string) int {
	n := 0
	for i := 1; i < 100; i++ {
		if slices.ContainsFunc(words, func(w string) bool { return strings.Contains(w, fmt.Sprintf("$ARG%d$", i)) }) {
			n = i
		}
	}
	return n
}

// expand puts arguments in the place of $ARG1$ and so on, each within its word.
// Those that were not given become nothing, as with NRPE.
func expand(words, args []string) []string {
	all := make([]string, len(words))
	for i, word := range words {
		var b strings.Builder
		for {
			before, rest, ok := strings.Cut(word, "$ARG")
			b.WriteString(before)
			if !ok {
				break
			}
			number, after, closed := strings.Cut(rest, "$")
			n := 0
			_, err := fmt.Sscanf(number, "%d", &n)
			if !closed || err != nil || len(number) > 2 || n < 1 {
				b.WriteString("$ARG")
				word = rest
				continue
			}
			if n <= len(args) {
				b.WriteString(args[n-1])
			}
			word = after
		}
		all[i] = b.String()
	}
	return all
}
