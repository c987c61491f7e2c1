package cli

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A lesson is what a command has learned of a collective, and what the shell may
// offer from then on.
type lesson struct {
	identities []string
	agents     []string
	classes    []string
	facts      map[string][]string // values by the name of the fact
}

// What the cache holds at most. It is read for each press of a key.
const (
	mostNames   = 5000
	mostValues  = 20
	longestName = 128
	cacheBytes  = 2 << 20
)

func learnedPath(env *Env) string {
	if dir := cacheDir(env); dir != "" {
		return filepath.Join(dir, "learned")
	}
	return ""
}

// learn adds to what is known. It is a convenience: a cache that cannot be
// written is not worth a word.
func learn(env *Env, l lesson) {
	path := learnedPath(env)
	if path == "" {
		return
	}
	known := learned(env)
	more := false
	merge := func(to *[]string, names []string, most int) {
		seen := make(map[string]bool, len(*to))
		for _, n := range *to {
			seen[n] = true
		}
		var fresh []string
		for _, n := range names {
			if !seen[n] && speakable(n) {
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
	merge(&known.identities, l.identities, mostNames)
	merge(&known.agents, l.agents, mostNames)
	merge(&known.classes, l.classes, mostNames)
	for name, values := range l.facts {
		if _, there := known.facts[name]; !speakable(name) || !there && len(known.facts) >= mostNames {
			continue
		} else if !there {
			known.facts[name], more = nil, true
		}
		list := known.facts[name]
		merge(&list, values, mostValues)
		known.facts[name] = list
	}
	if more {
		_ = writeLearned(path, known)
	}
}

// speakable tells whether a name that came from elsewhere may be offered to a
// shell. Shells put what several words begin with on the command line as it is,
// and evaluate that line for the next press of the key: a name with $(...) would
// be run. So only letters that no shell reads anything into may stand there, and
// no dash in front, which would make an option of it.
func speakable(name string) bool {
	return name != "" && len(name) <= longestName && name[0] != '-' && !strings.ContainsFunc(name, special)
}

// special reports characters that may mean something to a shell.
func special(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return false
	}
	return !strings.ContainsRune("_.:/@%+,=-", r)
}

// writeLearned replaces the file, which is for this user alone: it tells what
// machines there are.
func writeLearned(path string, l lesson) error {
	if err := privateDir(filepath.Dir(path)); err != nil {
		return err
	}
	var b bytes.Buffer
	list := func(kind string, names []string) {
		for _, n := range names {
			b.WriteString(kind + "\t" + n + "\n")
		}
	}
	list("identity", l.identities)
	list("agent", l.agents)
	list("class", l.classes)
	names := make([]string, 0, len(l.facts))
	for name := range l.facts {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b.WriteString("fact\t" + name + "\n")
		list("value\t"+name, l.facts[name])
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

// learned is what commands have learned so far.
func learned(env *Env) lesson {
	l := lesson{facts: make(map[string][]string)}
	path := learnedPath(env)
	if path == "" {
		return l
	}
	f, err := os.Open(path)
	if err != nil {
		return l
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, cacheBytes))
	if err != nil {
		return l
	}
	for line := range strings.Lines(string(text)) {
		kind, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		name, value, _ := strings.Cut(name, "\t")
		// Whoever wrote the file, only what is harmless leaves it.
		if !speakable(name) || kind == "value" && !speakable(value) {
			continue
		}
		switch kind {
		case "identity":
			l.identities = append(l.identities, name)
		case "agent":
			l.agents = append(l.agents, name)
		case "class":
			l.classes = append(l.classes, name)
		case "fact":
			if _, there := l.facts[name]; !there {
				l.facts[name] = nil
			}
		case "value":
			l.facts[name] = append(l.facts[name], value)
		}
	}
	return l
}
