package clientfiles

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A Names is what a command has learned of a collective, and what the shell may
// offer from then on.
type Names struct {
	Identities []string
	Agents     []string
	Classes    []string
	Facts      map[string][]string // values by the name of the fact
}

// What the cache holds at most. It is read for each press of a key.
const (
	MostNames   = 5000
	MostValues  = 20
	LongestName = 128
	cacheBytes  = 2 << 20
)

// Path returns the file of the completion cache, or "" if there is no place for it.
func (f Files) Path() string {
	if dir := f.CacheDir(); dir != "" {
		return filepath.Join(dir, "learned")
	}
	return ""
}

// Remember adds to what is known. It is a convenience: a cache that cannot be
// written is not worth a word.
func (f Files) Remember(l Names) {
	path := f.Path()
	if path == "" {
		return
	}
	known := f.Load()
	more := false
	merge := func(to *[]string, names []string, most int) {
		seen := make(map[string]bool, len(*to))
		for _, n := range *to {
			seen[n] = true
		}
		var fresh []string
		for _, n := range names {
			if !seen[n] && ShellSafe(n) {
				seen[n] = true
				fresh = append(fresh, n)
			}
		}
		if len(fresh) > 0 {
			more = true
			// The latest first, so that the oldest go when there are too many.
			*to = append(fresh, *to...)
			*to = (*to)[:min(len(*to), most)]
		}
	}
	merge(&known.Identities, l.Identities, MostNames)
	merge(&known.Agents, l.Agents, MostNames)
	merge(&known.Classes, l.Classes, MostNames)
	for name, values := range l.Facts {
		if _, there := known.Facts[name]; !ShellSafe(name) || !there && len(known.Facts) >= MostNames {
			continue
		} else if !there {
			known.Facts[name], more = nil, true
		}
		list := known.Facts[name]
		merge(&list, values, MostValues)
		known.Facts[name] = list
	}
	if more {
		_ = writeLearned(path, known)
	}
}

// ShellSafe reports whether a name that came from elsewhere may be offered to a
// shell. Shells put what several words begin with on the command line as it is,
// and evaluate that line for the next press of the key: a name with $(...) would
// be run. So only letters that no shell reads anything into may stand there, and
// no dash in front, which would make an option of it.
func ShellSafe(name string) bool {
	return name != "" && len(name) <= LongestName && name[0] != '-' && !strings.ContainsFunc(name, IsSpecial)
}

// IsSpecial reports characters that may mean something to a shell.
func IsSpecial(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return false
	}
	return !strings.ContainsRune("_.:/@%+,=-", r)
}

// writeLearned replaces the file, which is for this user alone: it tells what
// machines there are.
func writeLearned(path string, l Names) error {
	if err := privateDir(filepath.Dir(path)); err != nil {
		return err
	}
	var b bytes.Buffer
	list := func(kind string, names []string) {
		for _, n := range names {
			b.WriteString(kind + "\t" + n + "\n")
		}
	}
	list("identity", l.Identities)
	list("agent", l.Agents)
	list("class", l.Classes)
	names := make([]string, 0, len(l.Facts))
	for name := range l.Facts {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b.WriteString("fact\t" + name + "\n")
		list("value\t"+name, l.Facts[name])
	}
	if b.Len() > cacheBytes {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".learned-")
	if err != nil {
		return err
	}
	_, err = f.Write(b.Bytes())
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// Load returns what commands have learned so far.
func (f Files) Load() Names {
	l := Names{Facts: make(map[string][]string)}
	path := f.Path()
	if path == "" {
		return l
	}
	file, err := os.Open(path)
	if err != nil {
		return l
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, cacheBytes))
	if err != nil {
		return l
	}
	for line := range strings.Lines(string(text)) {
		kind, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		name, value, _ := strings.Cut(name, "\t")
		// No matter who wrote the file, only what is harmless leaves it.
		if !ShellSafe(name) || kind == "value" && !ShellSafe(value) {
			continue
		}
		switch kind {
		case "identity":
			l.Identities = append(l.Identities, name)
		case "agent":
			l.Agents = append(l.Agents, name)
		case "class":
			l.Classes = append(l.Classes, name)
		case "fact":
			if _, there := l.Facts[name]; !there {
				l.Facts[name] = nil
			}
		case "value":
			l.Facts[name] = append(l.Facts[name], value)
		}
	}
	return l
}
