package ruby

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mcollective/agent"
	"mcollective/ddl"
	"mcollective/ddl/rubyddl"
	"mcollective/message"
)

// A candidate is a plugin that was found.
type candidate struct {
	key
	path       string // of its Ruby file
	definition *ddl.Definition
	files      []string // all that it may load, its own first
	print      string   // what they were like
	unjudged   map[string]map[string]string
	asked      bool          // whether it can work here; if not, it is asked again
	why        error         // why it cannot
	again      time.Time     // when one that cannot work is asked again
	pause      time.Duration // from one such time to the next
}

// discovery is part of the engine in MCollective too, and is no SimpleRPC agent.
const discovery = "discovery"

// scan finds the plugins of the libdirs.
func (l *Loader) scan() (map[key]*candidate, []agent.Problem) {
	found := map[key]*candidate{}
	var problems []agent.Problem
	l.dirs = nil
	for _, dir := range l.opts.Dirs {
		if err := l.trusted(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			problems = append(problems, agent.Problem{Path: dir, Err: err})
			continue
		}
		l.dirs = append(l.dirs, dir)
		for _, base := range []string{filepath.Join(dir, "mcollective"), dir} {
			shared, err := sharedFiles(base)
			if err != nil {
				problems = append(problems, agent.Problem{Path: base, Err: err})
				continue
			}
			for _, kind := range []ddl.Kind{ddl.Agent, ddl.Data} {
				for _, path := range rubyFiles(filepath.Join(base, string(kind))) {
					k := key{kind, strings.TrimSuffix(filepath.Base(path), ".rb")}
					if kind == ddl.Data {
						k.name = strings.TrimSuffix(k.name, "_data")
					}
					if found[k] != nil || k.kind == ddl.Agent && k.name == discovery {
						continue
					}
					c := &candidate{key: k, path: path}
					if err := l.inspect(c, shared); err != nil {
						name := k.name
						if kind != ddl.Agent {
							name = ""
						}
						problems = append(problems, agent.Problem{Agent: name, Path: path, Err: err})
						continue
					}
					found[k] = c
				}
			}
		}
	}
	return found, problems
}

// rubyFiles returns the files of a directory that may be plugins. Those that MCollective
// itself has among its data plugins are none.
func rubyFiles(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // most libdirs have not all directories
	}
	var all []string
	for _, e := range entries {
		name := e.Name()
		if filepath.Ext(name) != ".rb" || strings.HasPrefix(name, ".") {
			continue
		}
		if filepath.Base(dir) == string(ddl.Data) && (name == "base.rb" || name == "result.rb") {
			continue
		}
		all = append(all, filepath.Join(dir, name))
	}
	return all
}

// sharedFiles returns those that any plugin of a directory may load.
func sharedFiles(base string) ([]string, error) {
	var all []string
	for _, sub := range []string{"util", "validator"} {
		files, err := walk(filepath.Join(base, sub))
		if err != nil {
			return nil, err
		}
		all = append(all, files...)
	}
	return all, nil
}

// walk lists a directory, and the files and directories in it. One that is not there is empty.
func walk(root string) ([]string, error) {
	var all []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) && path == root:
			return fs.SkipAll
		case err != nil:
			return err
		case d.IsDir():
			if strings.Count(strings.TrimPrefix(path, root), string(filepath.Separator)) > deepest {
				return fs.SkipDir
			}
		}
		if all = append(all, path); len(all) > mostShared {
			return fmt.Errorf("%s has more than %d files", root, mostShared)
		}
		return nil
	})
	return all, err
}

// inspect reads what is to be known of a plugin without running it.
func (l *Loader) inspect(c *candidate, shared []string) error {
	if err := message.ValidAgent(c.name); err != nil {
		return err
	}
	file, err := definitionFile(c)
	if err != nil {
		return err
	}
	c.files = []string{c.path, file}
	if c.kind == ddl.Agent {
		own, err := walk(strings.TrimSuffix(c.path, ".rb"))
		if err != nil {
			return err
		}
		c.files = append(c.files, own...)
	}
	c.files = append(c.files, shared...)
	if err := l.trusted(c.files...); err != nil {
		return err
	}
	if c.print, err = fingerprint(c.files); err != nil {
		return err
	}
	if was := l.found[c.key]; was != nil && was.print == c.print {
		c.definition, c.unjudged = was.definition, was.unjudged
		return nil
	}
	return c.define(file, shared)
}

// definitionFile returns the one beside a plugin's Ruby file.
func definitionFile(c *candidate) (string, error) {
	stem := strings.TrimSuffix(c.path, ".rb")
	for _, s := range []string{stem, strings.TrimSuffix(stem, "_data")} {
		for _, ext := range []string{".ddl", ".yaml", ".yml", ".json"} {
			if fi, err := os.Stat(s + ext); err == nil && fi.Mode().IsRegular() {
				return s + ext, nil
			}
		}
	}
	return "", fmt.Errorf("there is no %s.ddl beside it, which says what actions it has", filepath.Base(stem))
}

func fingerprint(files []string) (string, error) {
	var b strings.Builder
	for _, path := range files {
		fi, err := os.Stat(path)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%s %d %d %v\n", path, fi.Size(), fi.ModTime().UnixNano(), fi.Mode())
	}
	return b.String(), nil
}

// define reads the definition. Ruby's language does not say of what kind a plugin
// is, nor how it is called, so there the file's place counts.
func (c *candidate) define(file string, shared []string) error {
	d, err := rubyddl.Read(file)
	if err != nil {
		return err
	}
	own := *d
	if filepath.Ext(file) == ".ddl" {
		own.Metadata.Agent = c.name
	}
	if own.Kind != c.kind || own.Metadata.Agent != c.name {
		return fmt.Errorf("%s defines the %s %s, not the %s %s", file, own.Kind, own.Metadata.Agent, c.kind, c.name)
	}
	c.definition = &own
	c.leaveToRuby(shared)
	return nil
}

// leaveToRuby takes out of the definition the validators that are plugins of the
// same libdir and that this program has not: Ruby judges those inputs.
func (c *candidate) leaveToRuby(shared []string) {
	c.unjudged = map[string]map[string]string{}
	actions := slices.Clone(c.definition.Actions)
	for i, a := range actions {
		for j, in := range a.Inputs {
			name := in.Validation.Validator
			if name == "" || !unknown(in) || !slices.ContainsFunc(shared, func(f string) bool { return isValidator(f, name) }) {
				continue
			}
			own, input := *actions[i], *in
			input.Validation = ddl.Validation{}
			own.Inputs = slices.Clone(own.Inputs)
			own.Inputs[j] = &input
			actions[i] = &own
			if c.unjudged[a.Name] == nil {
				c.unjudged[a.Name] = map[string]string{}
			}
			c.unjudged[a.Name][in.Name] = name
		}
	}
	c.definition.Actions = actions
}

// unknown reports whether the validator of an input is one that package ddl does
// not have: such a one lets nothing pass, and says so.
func unknown(in *ddl.Input) bool {
	err := in.Validate("x")
	return err != nil && strings.Contains(err.Error(), "Unknown validator")
}

func isValidator(file, name string) bool {
	dir, base := filepath.Split(file)
	stem := strings.TrimSuffix(base, ".rb")
	return filepath.Base(dir) == "validator" && strings.TrimSuffix(stem, "_validator") == strings.ToLower(name) && base != stem
}
