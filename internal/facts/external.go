package facts

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"mcollective/internal/plainfile"
	"mcollective/internal/run"
	"mcollective/internal/trust"
	"mcollective/internal/yaml"
)

// maxExternal bounds one file, and the output of one program, in facts.d.
const maxExternal = 1 << 20

// externalLayer reads the data files of facts.d directories.
func externalLayer(o Options) *layer {
	e := &external{dirs: o.Dirs, seen: stamps{}}
	l := newLayer("external", o, e.load)
	l.changed, l.poll = e.changed, o.Poll
	return l
}

type external struct {
	dirs []string
	seen stamps
}

// look finds the data files in the order in which they cover each other.
func (e *external) look() ([]string, stamps) {
	return list(e.dirs, func(name string, _ os.FileMode) bool { return dataFormat(name) != nil })
}

// list finds files in directories, sorted by name within each, hidden ones left out.
func list(dirs []string, wanted func(name string, mode os.FileMode) bool) ([]string, stamps) {
	var paths []string
	seen := stamps{}
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			st := stampOf(path)
			if strings.HasPrefix(e.Name(), ".") || !st.mode.IsRegular() || st == (stamp{}) || !wanted(e.Name(), st.mode) {
				continue
			}
			paths = append(paths, path)
			seen[path] = st
		}
	}
	return paths, seen
}

func (e *external) changed() bool {
	_, now := e.look()
	return !maps.Equal(now, e.seen)
}

func (e *external) load(context.Context) (Set, error) {
	paths, seen := e.look()
	e.seen = seen
	all := Set{}
	var errs []error
	for _, path := range paths {
		data, err := plainfile.Text(path, maxExternal)
		if err == nil {
			var set Set
			set, err = dataFormat(path)(data)
			addExternal(all, set)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", path, err))
		}
	}
	return all, errors.Join(errs...)
}

// addExternal adds facts under the names that Facter gives them: in lower case.
func addExternal(all, set Set) {
	for k, v := range set {
		all[strings.ToLower(k)] = v
	}
}

// dataFormat returns the parser for a file's name, or nil.
func dataFormat(path string) func([]byte) (Set, error) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".txt":
		return parseText
	case ".json":
		return parseJSON
	case ".yaml", ".yml":
		return parseYAML
	}
	return nil
}

// parseText reads lines of name=value. Lines of another form are passed over,
// as Facter does, and so are comments.
func parseText(data []byte) (Set, error) {
	set := Set{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, maxExternal+1)
	for lines.Scan() {
		name, value, ok := strings.Cut(strings.ToValidUTF8(lines.Text(), "\uFFFD"), "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if ok && name != "" && value != "" && name[0] != '#' {
			set[name] = value
		}
	}
	return set, lines.Err()
}

func parseYAML(data []byte) (Set, error) {
	v, err := yaml.DatedText(data, yaml.Limits{Bytes: maxExternal, Aliases: true})
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok && v != nil {
		return nil, errors.New("holds no map of facts")
	}
	return m, nil
}

func parseJSON(data []byte) (Set, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("json: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("json: something follows the map of facts")
	}
	v, err := jsonText(m, 0)
	if err != nil {
		return nil, err
	}
	return v.(map[string]any), nil
}

// jsonText turns the scalars of a JSON value into text. null is "".
func jsonText(v any, depth int) (any, error) {
	if depth > 100 {
		return nil, errors.New("json: nested too deeply")
	}
	var err error
	switch v := v.(type) {
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	case bool:
		return strconv.FormatBool(v), nil
	case []any:
		out := make([]any, len(v))
		for i := range v {
			if out[i], err = jsonText(v[i], depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for k := range v {
			if out[k], err = jsonText(v[k], depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return "", nil
}

// programLayer runs the executables of facts.d directories, one after the other.
func programLayer(o Options) *layer {
	p := &programs{o: o, seen: stamps{}, good: map[string]Set{}}
	l := newLayer("programs", o, p.load)
	l.changed, l.poll = p.changed, o.Poll
	return l
}

type programs struct {
	o    Options
	seen stamps
	good map[string]Set // the last good output of each
}

func (p *programs) look() ([]string, stamps) {
	return list(p.o.Dirs, func(name string, mode os.FileMode) bool {
		return dataFormat(name) == nil && mode.Perm()&0o111 != 0
	})
}

func (p *programs) changed() bool {
	_, now := p.look()
	return !maps.Equal(now, p.seen)
}

func (p *programs) load(ctx context.Context) (Set, error) {
	paths, seen := p.look()
	p.seen = seen
	maps.DeleteFunc(p.good, func(path string, _ Set) bool { return !slices.Contains(paths, path) })
	all := Set{}
	var errs []error
	for _, path := range paths {
		set, err := p.run(ctx, path)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", path, err))
		} else {
			p.good[path] = set
		}
		addExternal(all, p.good[path])
	}
	return all, errors.Join(errs...)
}

// run takes the output of one program: YAML or JSON if it is a map, else lines
// of name=value.
func (p *programs) run(ctx context.Context, path string) (Set, error) {
	if err := trust.Program(path, run.Look); err != nil {
		return nil, err
	}
	out, err := output(ctx, p.o.ProgramTimeout, maxExternal, path)
	if err != nil {
		return nil, err
	}
	if out, err = plainfile.DecodeText(out); err != nil {
		return nil, err
	}
	if set, err := parseYAML(out); err == nil && set != nil {
		return set, nil
	}
	return parseText(out)
}
