package stdio

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mcollective/ddl"
	"mcollective/message"
)

// A candidate is the files of one name in a folder.
type candidate struct {
	dir, name   string
	programs    []string // names of executable files
	descriptors []string // names, the one that counts first

	definition *ddl.Definition
	settings   settings
	task       *task
	plain      bool // the program is given words, as the descriptor declares no actions
	program    string
	read       []string // paths of all files that decided
}

func (c *candidate) path() string {
	if len(c.descriptors) > 0 {
		return filepath.Join(c.dir, c.descriptors[0])
	}
	return filepath.Join(c.dir, c.programs[0])
}

// ignored are the ends of files that editors and package managers leave.
var ignored = []string{"~", ".bak", ".orig", ".old", ".swp", ".tmp", ".dpkg-old", ".dpkg-new", ".dpkg-dist", ".rpmsave", ".rpmnew", ".rpmorig"}

var descriptorEnds = []string{".yaml", ".yml", ".json", ".ddl"}

func stem(name string) string {
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		return name[:i]
	}
	return name
}

func candidates(dir string, entries []fs.DirEntry) []candidate {
	by := map[string]*candidate{}
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
		if !isDescriptor && (!executable(fi) || isRubyAgent(filepath.Join(dir, name))) {
			continue
		}
		c := by[stem(name)]
		if c == nil {
			c = &candidate{dir: dir, name: stem(name)}
			by[c.name] = c
		}
		if isDescriptor {
			c.descriptors = append(c.descriptors, name)
		} else {
			c.programs = append(c.programs, name)
		}
	}
	all := make([]candidate, 0, len(by))
	for _, c := range by {
		rank := func(name string) int { return slices.Index(descriptorEnds, filepath.Ext(name)) }
		slices.SortFunc(c.descriptors, func(a, b string) int { return rank(a) - rank(b) })
		if len(c.programs) == 0 && !slices.ContainsFunc(c.descriptors, func(d string) bool { return filepath.Ext(d) != ".ddl" }) {
			continue // the definition of a Ruby or Go agent, and not ours to run
		}
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b candidate) int { return cmp.Compare(a.name, b.name) })
	return all
}

// isRubyAgent reports whether the file is a class of Ruby MCollective, which some
// packages install as executable.
func isRubyAgent(path string) bool {
	if filepath.Ext(path) != ".rb" {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var start [2]byte
	n, _ := f.Read(start[:])
	return string(start[:n]) != "#!"
}

const mostDescriptor = 1 << 20

func readFile(path string) ([]byte, error) {
	fi, err := os.Stat(path)
	if err == nil && fi.Size() > mostDescriptor {
		err = fmt.Errorf("it has more than %d bytes", mostDescriptor)
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// settle reads the descriptors and finds the program.
func (c candidate) settle() (candidate, error) {
	if err := message.ValidAgent(c.name); err != nil {
		return c, err
	}
	c.settings = defaults()
	for _, name := range c.descriptors {
		path := filepath.Join(c.dir, name)
		data, err := readFile(path)
		if err != nil {
			return c, err
		}
		c.read = append(c.read, path)
		if done, err := c.foreign(name, data); err != nil {
			return c, fmt.Errorf("%s: %w", name, err)
		} else if done {
			continue
		}
		d, extra, err := ddl.ParseDescriptor(name, data)
		if err != nil {
			return c, err
		}
		if d.Kind != ddl.Agent {
			return c, fmt.Errorf("%s describes a plugin of kind %s, and no agent", name, d.Kind)
		}
		if d.Metadata.Agent != c.name {
			return c, fmt.Errorf("%s describes agent %s: give the file that name", name, d.Metadata.Agent)
		}
		if len(extra) > 0 {
			if c.settings, err = readSettings(extra); err != nil {
				return c, fmt.Errorf("%s: %w", name, err)
			}
		}
		if c.definition == nil || len(c.definition.Actions) == 0 {
			c.definition = d
		}
		if len(c.definition.Actions) > 0 {
			break
		}
	}
	if err := c.findProgram(); err != nil {
		return c, err
	}
	c.read = append(c.read, c.program)
	return c, c.complete()
}

// foreign takes a JSON file that is another project's description of the program.
func (c *candidate) foreign(name string, data []byte) (bool, error) {
	if filepath.Ext(name) != ".json" {
		return false, nil
	}
	var root map[string]any
	if json.Unmarshal(data, &root) != nil {
		return false, nil // the reader of the native form says what is wrong with it
	}
	schema, _ := root["$schema"].(string)
	_, parameters := root["parameters"]
	_, version := root["puppet_task_version"]
	_, actions := root["actions"]
	switch {
	case strings.HasPrefix(schema, "https://choria.io/schemas/mcorpc/ddl/"):
		if c.definition != nil && len(c.definition.Actions) > 0 {
			return true, nil
		}
		d, err := choriaDefinition(c.name, root)
		c.definition, c.settings.protocol = d, Choria
		return true, err
	case !actions && (parameters || version || root["input_method"] != nil):
		c.task = &task{}
		if err := json.Unmarshal(data, c.task); err != nil {
			return true, err
		}
		c.settings.protocol = Bolt
		return true, nil
	}
	return false, nil
}

// findProgram finds the file to run: what the descriptor names, in the places
// where implemented_by looks, or else the file of the agent's name.
func (c *candidate) findProgram() error {
	command := c.settings.command
	if command == "" {
		switch len(c.programs) {
		case 0:
			return fmt.Errorf("there is no executable %s or %s.* beside it; name it under \"command\", or make it executable", c.name, c.name)
		case 1:
			command = c.programs[0]
		default:
			if !slices.Contains(c.programs, c.name) {
				return fmt.Errorf("there are several programs of that name: %s; name one under \"command\"", strings.Join(c.programs, ", "))
			}
			command = c.name
		}
	}
	if filepath.IsAbs(command) {
		c.program = filepath.Clean(command)
		return isProgram(c.program)
	}
	if !filepath.IsLocal(command) {
		return fmt.Errorf("command %q leads out of the folder; give the whole path", command)
	}
	c.program = filepath.Join(c.dir, c.name, command)
	if isProgram(c.program) == nil {
		return nil
	}
	c.program = filepath.Join(c.dir, command)
	return isProgram(c.program)
}

func isProgram(path string) error {
	fi, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !executable(fi) {
		return fmt.Errorf("%s is not executable; run: chmod +x %s", path, path)
	}
	return nil
}

// complete gives the definition the actions that its kind of program has without
// declaring them.
func (c *candidate) complete() error {
	if c.settings.protocol == Bolt && c.task == nil {
		c.task = &task{}
		path := strings.TrimSuffix(c.program, filepath.Ext(c.program)) + ".json"
		if data, err := readFile(path); err == nil {
			if err := json.Unmarshal(data, c.task); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			c.read = append(c.read, path)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if c.definition != nil && len(c.definition.Actions) > 0 {
		return nil
	}
	var d *ddl.Definition
	var err error
	switch {
	case c.settings.protocol == Bolt:
		d, err = boltDefinition(c.name, c.task)
	case c.settings.protocol == Nagios:
		d, err = nagiosDefinition(c.name)
	case len(c.descriptors) == 0 || c.definition != nil && c.settings.mode == OneShot && c.settings.protocol == MCO:
		d, err = scriptDefinition(c.name)
		c.plain = true
	default:
		return errors.New("it declares no actions")
	}
	if err == nil && c.definition != nil {
		d.Metadata, d.Requires, d.Usage = c.definition.Metadata, c.definition.Requires, c.definition.Usage
	}
	c.definition = d
	return err
}

// print tells the files apart from what they were.
func (c *candidate) print() string {
	var b strings.Builder
	for _, path := range c.read {
		if fi, err := os.Stat(path); err == nil {
			uid, inode := ownerOf(fi)
			fmt.Fprintf(&b, "%s %d %d %v %d %d\n", path, fi.Size(), fi.ModTime().UnixNano(), fi.Mode(), uid, inode)
		}
	}
	return b.String()
}

func (c *candidate) trust() error {
	for _, path := range c.read {
		if err := Trusted(path); err != nil {
			return err
		}
	}
	return nil
}

func (a *Agent) trustedFiles(c candidate) error {
	if a.opts.Unchecked {
		return nil
	}
	return c.trust()
}

func (c *candidate) make(o Options, facts *factsFile) (*Agent, error) {
	a := &Agent{
		opts: o, settings: c.settings, definition: c.definition, name: c.name, program: c.program, task: c.task, plain: c.plain,
		log: o.Log.With("agent", c.name), facts: facts,
	}
	if len(c.descriptors) > 0 {
		a.descriptor = filepath.Join(c.dir, c.descriptors[0])
	}
	if err := a.trustedFiles(*c); err != nil {
		return nil, err
	}
	if c.settings.mode == Worker {
		a.worker = newWorker(a)
	}
	return a, nil
}

// scriptDefinition is that of a program without a descriptor.
func scriptDefinition(name string) (*ddl.Definition, error) {
	return native(name, map[string]any{
		"description": "The program " + name,
		"timeout":     60,
		"actions": map[string]any{"run": map[string]any{
			"description": "Run the program", "display": "always",
			"input": map[string]any{argsInput: map[string]any{
				"type": "any", "prompt": "Arguments", "description": "Its arguments: a list, or a text of words", "required": false,
			}},
		}},
	})
}

// native makes a definition of what a file in the native form would hold.
func native(name string, m map[string]any) (*ddl.Definition, error) {
	m["agent"] = name
	data, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	return ddl.Parse(name+".json", data)
}
