package descriptor

import (
	"cmp"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mcollective/internal/agenthost/adapter"
	"mcollective/internal/plainfile"
)

// A Candidate is the files of one name in a directory, which may be an agent.
type Candidate struct {
	Name string

	dir         string
	programs    []string // names of executable files
	descriptors []string // names, the one that counts first
	inert       []string // names of scripts that are not executable
}

// Path returns the file that stands for the agent: its descriptor, or else its program.
func (c *Candidate) Path() string {
	if len(c.descriptors) > 0 {
		return filepath.Join(c.dir, c.descriptors[0])
	}
	return filepath.Join(c.dir, append(c.programs, c.inert...)[0])
}

// ignored are the ends of files that editors and package managers leave.
var ignored = []string{"~", ".bak", ".orig", ".old", ".swp", ".tmp", ".dpkg-old", ".dpkg-new", ".dpkg-dist", ".rpmsave", ".rpmnew", ".rpmorig"}

var descriptorEnds = []string{".yaml", ".yml", ".json", ".ddl"}

// Stem returns the name of a file without what follows its last dot, which is that of
// its agent.
func Stem(name string) string {
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		return name[:i]
	}
	return name
}

// Find returns what may be agents among the entries of a directory, in the order of
// their names.
func Find(dir string, entries []fs.DirEntry) []*Candidate {
	by := map[string]*Candidate{}
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || slices.ContainsFunc(ignored, func(end string) bool { return strings.HasSuffix(name, end) }) {
			continue
		}
		fi, err := os.Stat(filepath.Join(dir, name)) // what a link leads to
		if err != nil || !fi.Mode().IsRegular() {
			continue
		}
		isDescriptor := slices.Contains(descriptorEnds, filepath.Ext(name))
		path := filepath.Join(dir, name)
		inert := !isDescriptor && !executable(fi)
		if !isDescriptor && (isRubyAgent(path) || inert && !isScript(path)) {
			continue
		}
		c := by[Stem(name)]
		if c == nil {
			c = &Candidate{dir: dir, Name: Stem(name)}
			by[c.Name] = c
		}
		switch {
		case isDescriptor:
			c.descriptors = append(c.descriptors, name)
		case inert:
			c.inert = append(c.inert, name)
		default:
			c.programs = append(c.programs, name)
		}
	}
	all := make([]*Candidate, 0, len(by))
	for _, c := range by {
		rank := func(name string) int { return slices.Index(descriptorEnds, filepath.Ext(name)) }
		slices.SortFunc(c.descriptors, func(a, b string) int { return rank(a) - rank(b) })
		if len(c.programs)+len(c.inert) == 0 && !slices.ContainsFunc(c.descriptors, func(d string) bool { return filepath.Ext(d) != ".ddl" }) {
			continue // the definition of a Ruby or Go agent, and not ours to run
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *Candidate) int { return cmp.Compare(a.Name, b.Name) })
	return withoutImplementations(all)
}

// withoutImplementations leaves out programs that are one of several of a task, and
// no agents of their own.
func withoutImplementations(all []*Candidate) []*Candidate {
	part, private := map[string]bool{}, map[string]bool{}
	for _, c := range all {
		for _, name := range c.descriptors {
			data, err := readFile(filepath.Join(c.dir, name))
			var root map[string]any
			if filepath.Ext(name) != ".json" || err != nil || json.Unmarshal(data, &root) != nil || !adapter.DescribesTask(root) {
				continue
			}
			private[name] = root["private"] == true
			if t, err := adapter.ParseTask(data); err == nil {
				for _, i := range t.Implementations {
					part[i.Name] = part[i.Name] || Stem(i.Name) != c.Name
				}
			}
		}
	}
	return slices.DeleteFunc(all, func(c *Candidate) bool {
		scripts := slices.Concat(c.programs, c.inert)
		return len(scripts) > 0 && !slices.ContainsFunc(scripts, func(p string) bool { return !part[p] }) &&
			!slices.ContainsFunc(c.descriptors, func(d string) bool { return !private[d] })
	})
}

const mostDescriptor = 1 << 20

func readFile(path string) ([]byte, error) { return plainfile.Read(path, mostDescriptor) }
