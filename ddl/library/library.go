// Package library finds the definitions that this machine has: in directories, built in, and those that nodes gave.
package library

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mcollective/ddl"
	"mcollective/ddl/rubyddl"
)

// A Library finds definitions on this machine. A file wins over one that is built
// in, and that over what nodes gave earlier. Its methods may be called from many
// goroutines; the fields are set before.
type Library struct {
	// Dirs are directories like Ruby's libdir: they hold mcollective/KIND/NAME.ddl
	// or KIND/NAME.ddl, or .yaml, .yml or .json, which win. The earlier directory
	// wins; one that does not exist is passed over.
	Dirs []string

	// BuiltIn are the definitions of a kind that come with the program, by name.
	// Default: none.
	BuiltIn func(ddl.Kind) map[string]*ddl.Definition

	// ddl.Cache is what nodes gave. Default: nothing.
	Cache ddl.Cache
}

// An Entry is one plugin that a Library knows.
type Entry struct {
	Kind        ddl.Kind
	Name        string
	Description string
	Version     string
	Source      string // a file, "built in", or "a node"
	Err         error  // why its definition cannot be used; nil if it can
}

// extensions of files with definitions, the one that wins first.
var extensions = []string{".yaml", ".yml", ".json", ".ddl"}

// Find is Local, and otherwise the last definition that a node gave for an agent.
// That may be out of date, and another node may have another one: it is for showing
// and completing. A call goes by a Contract.
func (l *Library) Find(kind ddl.Kind, name string) (*ddl.Definition, error) {
	d, err := l.Local(kind, name)
	if kind == ddl.Agent && errors.Is(err, ddl.ErrUnknown) {
		if learnt := l.Cache.Latest(name); learnt != nil {
			return learnt.Definition, nil
		}
	}
	return d, err
}

// Local returns the definition of a plugin that this machine has by itself. A file
// that is broken is an error, though there may be another definition elsewhere.
func (l *Library) Local(kind ddl.Kind, name string) (*ddl.Definition, error) {
	if err := ddl.CheckName(name); err != nil {
		return nil, err
	}
	for _, dir := range l.directories(kind) {
		for _, stem := range []string{name, name + "_" + string(kind)} {
			for _, ext := range extensions {
				d, err := load(filepath.Join(dir, stem+ext), kind, name)
				if !errors.Is(err, fs.ErrNotExist) {
					return d, err
				}
			}
		}
	}
	if l.BuiltIn != nil {
		if d := l.BuiltIn(kind)[name]; d != nil {
			return d, nil
		}
	}
	return nil, fmt.Errorf("%s %s: %w", kind, name, ddl.ErrUnknown)
}

func (l *Library) directories(kind ddl.Kind) []string {
	var dirs []string
	for _, dir := range l.Dirs {
		dirs = append(dirs, filepath.Join(dir, "mcollective", string(kind)), filepath.Join(dir, string(kind)))
	}
	return dirs
}

// load reads a file that must define the plugin. Ruby's language does not say of
// what kind a plugin is, nor how it is called, so there the file's place counts.
func load(file string, kind ddl.Kind, name string) (*ddl.Definition, error) {
	data, err := ddl.ReadFile(file, ddl.MaxBytes)
	if err != nil {
		return nil, err
	}
	if isChoria(file, data) {
		return nil, fmt.Errorf("%s: %w", file, fs.ErrNotExist)
	}
	d, err := rubyddl.Parse(file, data)
	if err != nil {
		return nil, err
	}
	if filepath.Ext(file) == ".ddl" {
		own := *d
		if len(d.Actions) == 0 && d.Query == nil && len(d.Capabilities) == 0 {
			own.Kind = kind
		}
		own.Metadata.Agent = name
		d = &own
	}
	if d.Kind != kind || d.Metadata.Agent != name {
		return nil, fmt.Errorf("%s: it defines the %s %s, not the %s %s; rename the file or what is in it", file, d.Kind, d.Metadata.Agent, kind, name)
	}
	return d, nil
}

// isChoria reports whether a .json file is what Choria's packages have beside the
// .ddl that it was made of. It is passed over for that.
func isChoria(file string, data []byte) bool {
	stem, isJSON := strings.CutSuffix(file, ".json")
	if !isJSON || !bytes.Contains(data, []byte("//choria.io/schemas/mcorpc/ddl/")) {
		return false
	}
	_, err := os.Stat(stem + ".ddl")
	return err == nil
}

// List returns the plugins of a kind in the order of their names, those too whose
// definitions are broken. What nodes gave is in it.
func (l *Library) List(kind ddl.Kind) []Entry {
	found := map[string]Entry{}
	for _, dir := range l.directories(kind) {
		l.listDirectory(found, dir, kind)
	}
	if l.BuiltIn != nil {
		for name, d := range l.BuiltIn(kind) {
			if _, ok := found[name]; !ok {
				found[name] = entry(kind, name, "built in", d, nil)
			}
		}
	}
	if kind == ddl.Agent {
		for _, name := range l.Cache.Agents() {
			if _, ok := found[name]; ok {
				continue
			}
			if learnt := l.Cache.Latest(name); learnt != nil {
				found[name] = entry(kind, name, "a node", learnt.Definition, nil)
			}
		}
	}
	entries := make([]Entry, 0, len(found))
	for _, e := range found {
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return entries
}

func entry(kind ddl.Kind, name, source string, d *ddl.Definition, err error) Entry {
	e := Entry{Kind: kind, Name: name, Source: source, Err: err}
	if err == nil {
		e.Description, e.Version = d.Metadata.Description, d.Metadata.Version
	}
	return e
}

// Has reports whether there is an entry of a name in List, be it one that cannot be read.
func (l *Library) Has(kind ddl.Kind, name string) bool {
	return slices.ContainsFunc(l.List(kind), func(e Entry) bool { return e.Name == name })
}

func (l *Library) listDirectory(found map[string]Entry, dir string, kind ddl.Kind) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return // a directory that is not there, or not for us, has no plugins
	}
	slices.SortStableFunc(files, func(a, b fs.DirEntry) int {
		return slices.Index(extensions, filepath.Ext(a.Name())) - slices.Index(extensions, filepath.Ext(b.Name()))
	})
	for _, f := range files {
		ext := filepath.Ext(f.Name())
		name := strings.TrimSuffix(strings.TrimSuffix(f.Name(), ext), "_"+string(kind))
		if _, ok := found[name]; ok || !slices.Contains(extensions, ext) || f.IsDir() || ddl.CheckName(name) != nil {
			continue
		}
		file := filepath.Join(dir, f.Name())
		d, err := load(file, kind, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		found[name] = entry(kind, name, file, d, err)
	}
}
