// Package descriptor finds the programs of a directory that are agents, and reads what their descriptors say of them.
//
// [Find] lists the candidates of a directory; [Candidate.Read] reads the descriptors
// of one, those of other projects among them, and says which program is run, and how.
// Nothing is run for that, and nothing is judged by who may write to it: that is the
// host's. docs/agents.md is the description for authors.
package descriptor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mcollective/ddl"
	"mcollective/ddl/rubyddl"
	"mcollective/internal/agenthost/adapter"
	"mcollective/internal/yaml"
	"mcollective/message"
)

// A Program is an agent as its files describe it.
type Program struct {
	Settings
	Name       string
	Definition *ddl.Definition
	Adapter    adapter.Adapter // that calls it; nil for a worker
	Path       string          // of the program
	Runner     string          // the program that runs it; "" if it runs itself
	Descriptor string          // the first that counts; "" if there is none
	Sources    []string        // paths of all files that decided
	Unknown    []string        // keys of a task's metadata that are not defined

	from *Candidate
	task *adapter.Task
}

// Read reads the descriptors and finds the program. interpreters run tasks of Bolt, by
// the extension of their files.
func (c *Candidate) Read(interpreters map[string]string) (*Program, error) {
	if err := message.ValidAgent(c.Name); err != nil {
		return nil, err
	}
	p := &Program{Settings: defaults(), Name: c.Name, from: c}
	if len(c.descriptors) > 0 {
		p.Descriptor = filepath.Join(c.dir, c.descriptors[0])
	}
	own, err := p.readDescriptors()
	if err != nil {
		return nil, err
	}
	if err := p.applyDefaults(); err != nil {
		return nil, fmt.Errorf("%s: %w", c.descriptors[0], err)
	}
	if err := p.findProgram(interpreters); err != nil {
		return nil, err
	}
	p.Sources = append(p.Sources, p.Path)
	if p.Runner != "" {
		p.Sources = append(p.Sources, p.Runner)
	} else if err := checkFirstLine(p.Path); err != nil { // otherwise nobody reads it
		return nil, err
	}
	if err := p.complete(); err != nil {
		return nil, err
	}
	if own != nil {
		p.Definition = own.over(p.Definition)
	}
	if p.task == nil {
		return p, nil
	}
	p.Unknown = p.task.Unknown
	files, err := p.task.FindFiles(filepath.Dir(p.Path))
	p.Sources = append(p.Sources, files...)
	return p, err
}

// readDescriptors reads all of them. It returns the one in our form, if there is one.
func (p *Program) readDescriptors() (own *ownDescriptor, err error) {
	for _, name := range p.from.descriptors {
		declared := p.declares()
		if declared && filepath.Ext(name) != ".json" {
			continue // what declares the actions counts, and JSON may be another project's
		}
		path := filepath.Join(p.from.dir, name)
		data, err := readFile(path)
		if err != nil {
			return nil, err
		}
		done, err := p.foreign(name, data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if done || !declared {
			p.Sources = append(p.Sources, path)
		}
		if done || declared {
			continue
		}
		d, err := p.native(name, data)
		if err != nil {
			return nil, err
		}
		if own == nil && filepath.Ext(name) != ".ddl" {
			if own, err = newOwnDescriptor(name, data, d); err != nil {
				return nil, err
			}
		}
	}
	return own, nil
}

// declares reports whether the actions are known.
func (p *Program) declares() bool { return p.Definition != nil && len(p.Definition.Actions) > 0 }

// native takes a descriptor of ours, or a definition in Ruby's language.
func (p *Program) native(name string, data []byte) (*ddl.Definition, error) {
	var d *ddl.Definition
	var extra map[string]any
	var err error
	if filepath.Ext(name) == rubyddl.Extension {
		d, err = rubyddl.Parse(name, data)
	} else {
		d, extra, err = ddl.ParseDescriptor(name, data)
	}
	switch {
	case err != nil:
		return nil, err
	case d.Kind != ddl.Agent:
		return nil, fmt.Errorf("%s describes a plugin of kind %s, and no agent", name, d.Kind)
	case d.Metadata.Agent != p.Name:
		return nil, fmt.Errorf("%s describes agent %s: give the file that name", name, d.Metadata.Agent)
	}
	if len(extra) > 0 {
		if p.Settings, err = readSettings(extra); err != nil {
			return nil, fmt.Errorf("%s: %w", located(name, data, err), err)
		}
	}
	if !p.declares() {
		p.Definition = d
	}
	return d, nil
}

// An ownDescriptor is a descriptor in our form that may be beside the description of
// somebody else. What it says counts.
type ownDescriptor struct {
	definition *ddl.Definition
	given      map[string]any // its keys
}

func newOwnDescriptor(name string, data []byte, d *ddl.Definition) (*ownDescriptor, error) {
	o := &ownDescriptor{definition: d}
	err := json.Unmarshal(data, &o.given)
	if filepath.Ext(name) != ".json" {
		err = yaml.Unmarshal(data, &o.given, yaml.Limits{})
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return o, nil
}

// over returns a definition with what the descriptor says in its place.
func (o *ownDescriptor) over(d *ddl.Definition) *ddl.Definition {
	if d == o.definition {
		return d
	}
	all := *d
	from, to := &o.definition.Metadata, &all.Metadata
	for key, take := range map[string]func(){
		"name":        func() { to.Name = from.Name },
		"description": func() { to.Description = from.Description },
		"author":      func() { to.Author = from.Author },
		"license":     func() { to.License = from.License },
		"version":     func() { to.Version = from.Version },
		"url":         func() { to.URL = from.URL },
		"timeout":     func() { to.Timeout = from.Timeout },
		"requires":    func() { all.Requires = o.definition.Requires },
		"usage":       func() { all.Usage = o.definition.Usage },
	} {
		if _, ok := o.given[key]; ok {
			take()
		}
	}
	return &all
}

// foreign takes a JSON file that is another project's description of the program.
func (p *Program) foreign(name string, data []byte) (bool, error) {
	if filepath.Ext(name) != ".json" {
		return false, nil
	}
	var root map[string]any
	if json.Unmarshal(data, &root) != nil {
		return false, nil // the reader of the native form says what is wrong with it
	}
	switch {
	case adapter.DescribesExternalAgent(root):
		if err := p.speaks(adapter.Choria); err != nil || p.declares() {
			return true, err
		}
		d, err := adapter.ExternalAgentDefinition(p.Name, root)
		p.Definition = d
		return true, err
	case adapter.DescribesTask(root):
		if err := p.speaks(adapter.Bolt); err != nil {
			return true, err
		}
		t, err := adapter.ParseTask(data)
		p.task = t
		return true, err
	}
	return false, nil
}

// speaks sets the protocol that a description is for.
func (p *Program) speaks(protocol adapter.Protocol) error {
	if p.Protocol != "" && p.Protocol != protocol {
		return fmt.Errorf("it describes a program of protocol %s, and %s says that it is %s", protocol, p.from.descriptors[0], p.Protocol)
	}
	p.Protocol = protocol
	return nil
}

// findProgram finds the file to run: what the descriptor names, in the places
// where implemented_by looks, or else the file of the agent's name.
func (p *Program) findProgram(interpreters map[string]string) error {
	isProgram := isExecutable
	if p.Protocol == adapter.Bolt {
		if err := p.readTask(); err != nil {
			return err
		}
		// Bolt's tasks need not be executable, as it copies them.
		isProgram = func(path string) error {
			if runner := interpreters[filepath.Ext(path)]; runner != "" {
				if fi, err := os.Stat(path); err != nil || fi.Mode().IsRegular() {
					p.Runner = runner
					return err
				}
			}
			return isExecutable(path)
		}
	}
	command, err := p.findCommand(interpreters)
	if err != nil {
		return err
	}
	if filepath.IsAbs(command) {
		p.Path = filepath.Clean(command)
		return isProgram(p.Path)
	}
	if !filepath.IsLocal(command) {
		return fmt.Errorf("command %q leads out of the directory; give the whole path", command)
	}
	p.Path = filepath.Join(p.from.dir, p.Name, command)
	if isProgram(p.Path) == nil {
		return nil
	}
	p.Path = filepath.Join(p.from.dir, command)
	return isProgram(p.Path)
}

// findCommand returns the file that is to be run, as far as its directory is not known.
func (p *Program) findCommand(interpreters map[string]string) (string, error) {
	if p.Command != "" {
		return p.Command, nil
	}
	if p.task != nil {
		if name, err := p.task.Choose(adapter.Features()); name != "" || err != nil {
			return name, err
		}
		for _, ext := range slices.Sorted(maps.Keys(interpreters)) {
			if _, err := os.Stat(filepath.Join(p.from.dir, p.Name+ext)); err == nil && len(p.from.programs) == 0 {
				return p.Name + ext, nil
			}
		}
	}
	switch len(p.from.programs) {
	case 0:
		if len(p.from.inert) > 0 {
			return p.from.inert[0], nil // whose execute bit is looked at next
		}
		return "", fmt.Errorf("there is no executable %s or %s.* beside it; name it under \"command\", or make it executable", p.Name, p.Name)
	case 1:
		return p.from.programs[0], nil
	}
	if !slices.Contains(p.from.programs, p.Name) {
		return "", fmt.Errorf("there are several programs of that name: %s; name one under \"command\"", strings.Join(p.from.programs, ", "))
	}
	return p.Name, nil
}

// readTask reads the metadata of a task that a descriptor of another name is for.
func (p *Program) readTask() error {
	if p.task != nil {
		return nil
	}
	p.task = &adapter.Task{}
	if p.Command == "" {
		return nil
	}
	command := p.Command
	for _, path := range []string{filepath.Join(p.from.dir, p.Name, command), filepath.Join(p.from.dir, command), command} {
		if !filepath.IsAbs(path) {
			continue
		}
		path = strings.TrimSuffix(path, filepath.Ext(path)) + ".json"
		data, err := readFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			p.task, err = adapter.ParseTask(data)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		p.Sources = append(p.Sources, path)
		return nil
	}
	return nil
}

func isExecutable(path string) error {
	fi, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !executable(fi) {
		return fmt.Errorf("%s is not executable; run: chmod +x %s", path, path)
	}
	return nil
}

// complete finds the adapter, and gives the definition the actions that its kind of
// program has without declaring them.
func (p *Program) complete() (err error) {
	define := func(name string) (*ddl.Definition, error) { return nil, errors.New("it declares no actions") }
	switch p.Protocol {
	case adapter.MCollective:
		p.Adapter = adapter.ImplementedBy{}
	case adapter.Choria:
		p.Adapter = adapter.ExternalAgent{}
	case adapter.Bolt:
		p.Adapter, define = p.task, p.task.Definition
	case adapter.Nagios:
		p.Adapter, define = adapter.Check{}, adapter.CheckDefinition
	default:
		if p.Mode == Worker {
			break
		}
		if p.Definition != nil || len(p.from.descriptors) == 0 {
			define = adapter.ScriptDefinition
		}
		p.Adapter = adapter.Script{Spoken: p.Spoken, Output: p.Output, Words: !p.declares()}
	}
	if !p.declares() {
		p.Definition, err = define(p.Name)
	}
	return err
}

// Fingerprint tells the files apart from what they were.
func (p *Program) Fingerprint() string {
	var b strings.Builder
	for _, path := range p.Sources {
		if fi, err := os.Stat(path); err == nil {
			uid, inode := ownerOf(fi)
			fmt.Fprintf(&b, "%s %d %d %v %d %d\n", path, fi.Size(), fi.ModTime().UnixNano(), fi.Mode(), uid, inode)
		}
	}
	return b.String()
}
