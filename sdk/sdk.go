// Package sdk holds what authors of agents start from: one optional helper file for each language, and a first agent that uses it.
//
// [New] returns the files of a first agent, as mco agent new writes them. The helpers
// are plain files, to be put beside an agent. They have the same few calls in every
// language: serve, fail (or raise a Failure), log.
//
// The package never writes a file. No agent needs a helper: docs/agents.md describes
// what they do.
package sdk

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed mco.py mco.rb Mco.pm mco.php mco.js mco.sh template
var files embed.FS

// A language is what an agent can be written in.
type language struct {
	name   string
	end    string // of the program's file
	helper string // "" means that it needs none
	worker bool   // serves many calls
}

var languages = []language{
	{"sh", ".sh", "mco.sh", false},
	{"php", ".php", "mco.php", true},
	{"python", ".py", "mco.py", true},
	{"ruby", ".rb", "mco.rb", true},
	{"perl", ".pl", "Mco.pm", true},
	{"node", ".js", "mco.js", true},
	{"go", ".go", "", true},
}

// Languages returns the names that New knows.
func Languages() []string {
	names := make([]string, len(languages))
	for i, l := range languages {
		names[i] = l.name
	}
	return names
}

// A File is one file of a new agent.
type File struct {
	Name string
	Text []byte
	Mode fs.FileMode // 0755 for programs, else 0644
}

// New returns the files of a first agent: the program, its descriptor, and the helper
// of the language. All go into the agents directory; the helper serves all agents
// there. An agent in Go is to be built before it can run.
func New(name, lang string) ([]File, error) {
	for _, l := range languages {
		if l.name == lang {
			return l.files(name)
		}
	}
	return nil, fmt.Errorf("no language %q; there are %s", lang, strings.Join(Languages(), ", "))
}

func (l language) files(name string) ([]File, error) {
	program, err := files.ReadFile("template/" + l.name)
	if err != nil {
		return nil, err
	}
	descriptor, err := files.ReadFile("template/descriptor.yaml")
	if err != nil {
		return nil, err
	}
	command, mode, bits := name+l.end, "mode: oneshot # started for each call", fs.FileMode(0o755)
	if l.worker {
		mode = "mode: worker # started once; oneshot starts it for each call"
	}
	if l.name == "go" {
		command, bits = name, 0o644
	}
	fill := strings.NewReplacer("NAME", name, "COMMAND", command, "MODE", mode)
	all := []File{
		{name + l.end, []byte(fill.Replace(string(program))), bits},
		{name + ".yaml", []byte(fill.Replace(string(descriptor))), 0o644},
	}
	if l.helper != "" {
		helper, err := files.ReadFile(l.helper)
		if err != nil {
			return nil, err
		}
		all = append(all, File{l.helper, helper, 0o644})
	}
	return all, nil
}
