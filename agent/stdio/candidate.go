package stdio

import (
	"cmp"
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
	"mcollective/internal/plainfile"
	"mcollective/internal/trust"
	"mcollective/internal/yaml"
	"mcollective/message"
)

// A candidate is the files of one name in a folder.
type candidate struct {
	dir, name   string
	programs    []string // names of executable files
	descriptors []string // names, the one that counts first
	inert       []string // names of scripts that are not executable

	definition *ddl.Definition
	settings   settings
	task       *task
	plain      bool // the program is given words, as the descriptor declares no actions
	program    string
	runner     string   // the program that runs it, "" if it runs itself
	read       []string // paths of all files that decided
}

func (c *candidate) path() string {
	if len(c.descriptors) > 0 {
		return filepath.Join(c.dir, c.descriptors[0])
	}
	return filepath.Join(c.dir, append(c.programs, c.inert...)[0])
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
		path := filepath.Join(dir, name)
		inert := !isDescriptor && !executable(fi)
		if !isDescriptor && (isRubyAgent(path) || inert && !isScript(path)) {
			continue
		}
		c := by[stem(name)]
		if c == nil {
			c = &candidate{dir: dir, name: stem(name)}
			by[c.name] = c
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
	all := make([]candidate, 0, len(by))
	for _, c := range by {
		rank := func(name string) int { return slices.Index(descriptorEnds, filepath.Ext(name)) }
		slices.SortFunc(c.descriptors, func(a, b string) int { return rank(a) - rank(b) })
		if len(c.programs)+len(c.inert) == 0 && !slices.ContainsFunc(c.descriptors, func(d string) bool { return filepath.Ext(d) != ".ddl" }) {
			continue // the definition of a Ruby or Go agent, and not ours to run
		}
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b candidate) int { return cmp.Compare(a.name, b.name) })
	return withoutImplementations(all)
}

// withoutImplementations leaves out programs that are one of several of a task, and
// no agents of their own.
func withoutImplementations(all []candidate) []candidate {
	part, private := map[string]bool{}, map[string]bool{}
	for _, c := range all {
		for _, name := range c.descriptors {
			data, err := readFile(filepath.Join(c.dir, name))
			var root map[string]any
			if filepath.Ext(name) != ".json" || err != nil || json.Unmarshal(data, &root) != nil || !isTask(root) {
				continue
			}
			private[name] = root["private"] == true
			if t, err := parseTask(data); err == nil {
				for _, i := range t.Implementations {
					part[i.Name] = part[i.Name] || stem(i.Name) != c.name
				}
			}
		}
	}
	return slices.DeleteFunc(all, func(c candidate) bool {
		scripts := slices.Concat(c.programs, c.inert)
		return len(scripts) > 0 && !slices.ContainsFunc(scripts, func(p string) bool { return !part[p] }) &&
			!slices.ContainsFunc(c.descriptors, func(d string) bool { return !private[d] })
	})
}

const mostDescriptor = 1 << 20

func readFile(path string) ([]byte, error) { return plainfile.Read(path, mostDescriptor) }

// settle reads the descriptors and finds the program.
func (c candidate) settle(interpreters map[string]string) (candidate, error) {
	if err := message.ValidAgent(c.name); err != nil {
		return c, err
	}
	c.settings = defaults()
	var own *ownDescriptor
	for _, name := range c.descriptors {
		declared := c.definition != nil && len(c.definition.Actions) > 0
		if declared && filepath.Ext(name) != ".json" {
			continue // what declares the actions counts, and JSON may be another project's
		}
		path := filepath.Join(c.dir, name)
		data, err := readFile(path)
		if err != nil {
			return c, err
		}
		done, err := c.foreign(name, data)
		if err != nil {
			return c, fmt.Errorf("%s: %w", name, err)
		}
		if done || !declared {
			c.read = append(c.read, path)
		}
		if done || declared {
			continue
		}
		d, err := c.native(name, data)
		if err != nil {
			return c, err
		}
		if own == nil && filepath.Ext(name) != ".ddl" {
			if own, err = newOwnDescriptor(name, data, d); err != nil {
				return c, err
			}
		}
	}
	if err := c.settings.applyDefaults(); err != nil {
		return c, fmt.Errorf("%s: %w", c.descriptors[0], err)
	}
	if err := c.findProgram(interpreters); err != nil {
		return c, err
	}
	c.read = append(c.read, c.program)
	if c.runner != "" {
		c.read = append(c.read, c.runner)
	}
	if c.runner == "" { // otherwise nobody reads the first line
		if err := checkFirstLine(c.program); err != nil {
			return c, err
		}
	}
	if err := c.complete(); err != nil {
		return c, err
	}
	if own != nil {
		c.definition = own.over(c.definition)
	}
	if c.task == nil {
		return c, nil
	}
	files, err := c.task.findFiles(filepath.Dir(c.program))
	c.read = append(c.read, files...)
	return c, err
}

// native takes a descriptor of ours, or a definition in Ruby's language.
func (c *candidate) native(name string, data []byte) (*ddl.Definition, error) {
	d, extra, err := ddl.ParseDescriptor(name, data)
	switch {
	case err != nil:
		return nil, err
	case d.Kind != ddl.Agent:
		return nil, fmt.Errorf("%s describes a plugin of kind %s, and no agent", name, d.Kind)
	case d.Metadata.Agent != c.name:
		return nil, fmt.Errorf("%s describes agent %s: give the file that name", name, d.Metadata.Agent)
	}
	if len(extra) > 0 {
		if c.settings, err = readSettings(extra); err != nil {
			return nil, fmt.Errorf("%s: %w", located(name, data, err), err)
		}
	}
	if c.definition == nil || len(c.definition.Actions) == 0 {
		c.definition = d
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

// over is a definition with what the descriptor says in its place.
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
func (c *candidate) foreign(name string, data []byte) (bool, error) {
	if filepath.Ext(name) != ".json" {
		return false, nil
	}
	var root map[string]any
	if json.Unmarshal(data, &root) != nil {
		return false, nil // the reader of the native form says what is wrong with it
	}
	schema, _ := root["$schema"].(string)
	switch {
	case strings.HasPrefix(schema, "https://choria.io/schemas/mcorpc/ddl/"):
		if err := c.speaks(Choria); err != nil || c.definition != nil && len(c.definition.Actions) > 0 {
			return true, err
		}
		d, err := choriaDefinition(c.name, root)
		c.definition = d
		return true, err
	case isTask(root):
		if err := c.speaks(Bolt); err != nil {
			return true, err
		}
		t, err := parseTask(data)
		c.task = t
		return true, err
	}
	return false, nil
}

func isTask(root map[string]any) bool {
	_, actions := root["actions"]
	_, agent := root["agent"]
	return !actions && !agent && slices.ContainsFunc([]string{"parameters", "puppet_task_version", "input_method", "implementations", "supports_noop", "files", "private", "remote"}, func(key string) bool {
		_, there := root[key]
		return there
	})
}

// speaks sets the protocol that a description is for.
func (c *candidate) speaks(p Protocol) error {
	if c.settings.protocol != "" && c.settings.protocol != p {
		return fmt.Errorf("it describes a program of protocol %s, and %s says that it is %s", p, c.descriptors[0], c.settings.protocol)
	}
	c.settings.protocol = p
	return nil
}

// findProgram finds the file to run: what the descriptor names, in the places
// where implemented_by looks, or else the file of the agent's name.
func (c *candidate) findProgram(interpreters map[string]string) error {
	isProgram := isExecutable
	if c.settings.protocol == Bolt {
		if err := c.readTask(); err != nil {
			return err
		}
		// Bolt's tasks need not be executable, as it copies them.
		isProgram = func(path string) error {
			if runner := interpreters[filepath.Ext(path)]; runner != "" {
				if fi, err := os.Stat(path); err != nil || fi.Mode().IsRegular() {
					c.runner = runner
					return err
				}
			}
			return isExecutable(path)
		}
	}
	command, err := c.command(interpreters)
	if err != nil {
		return err
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

// command is the file that is to be run, as far as its folder is not known.
func (c *candidate) command(interpreters map[string]string) (string, error) {
	if c.settings.command != "" {
		return c.settings.command, nil
	}
	if c.task != nil {
		if name, err := c.task.choose(features()); name != "" || err != nil {
			return name, err
		}
		for _, ext := range slices.Sorted(maps.Keys(interpreters)) {
			if _, err := os.Stat(filepath.Join(c.dir, c.name+ext)); err == nil && len(c.programs) == 0 {
				return c.name + ext, nil
			}
		}
	}
	switch len(c.programs) {
	case 0:
		if len(c.inert) > 0 {
			return c.inert[0], nil // whose execute bit is looked at next
		}
		return "", fmt.Errorf("there is no executable %s or %s.* beside it; name it under \"command\", or make it executable", c.name, c.name)
	case 1:
		return c.programs[0], nil
	}
	if !slices.Contains(c.programs, c.name) {
		return "", fmt.Errorf("there are several programs of that name: %s; name one under \"command\"", strings.Join(c.programs, ", "))
	}
	return c.name, nil
}

// readTask reads the metadata of a task that a descriptor of another name is for.
func (c *candidate) readTask() error {
	if c.task != nil {
		return nil
	}
	c.task = &task{}
	if c.settings.command == "" {
		return nil
	}
	command := c.settings.command
	for _, path := range []string{filepath.Join(c.dir, c.name, command), filepath.Join(c.dir, command), command} {
		if !filepath.IsAbs(path) {
			continue
		}
		path = strings.TrimSuffix(path, filepath.Ext(path)) + ".json"
		data, err := readFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			c.task, err = parseTask(data)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		c.read = append(c.read, path)
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

// complete gives the definition the actions that its kind of program has without
// declaring them.
func (c *candidate) complete() error {
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

// trustedFiles judges all files that decide what runs.
func (a *Agent) trustedFiles(c candidate) error {
	if a.opts.Unchecked {
		return nil
	}
	if err := trust.All(c.read...); err != nil {
		return err
	}
	return a.trusted()
}

func (c *candidate) make(o Options, facts *factsFile) (*Agent, error) {
	a := &Agent{
		opts: o, settings: c.settings, definition: c.definition, name: c.name, program: c.program, runner: c.runner, task: c.task, plain: c.plain,
		log: o.Log.With("agent", c.name), facts: facts,
	}
	if len(c.descriptors) > 0 {
		a.descriptor = filepath.Join(c.dir, c.descriptors[0])
	}
	if err := a.trustedFiles(*c); err != nil {
		return nil, err
	}
	if c.task != nil && len(c.task.unknown) > 0 {
		a.log.Warn("metadata of the task has unknown keys", "keys", strings.Join(c.task.unknown, ","), "file", a.descriptor)
	}
	if c.settings.mode == Worker {
		a.worker = newWorker(a)
	} else {
		a.turns = newTurns(c.settings.concurrency)
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
