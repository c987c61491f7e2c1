package facts

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"mcollective/internal/plainfile"
	"mcollective/internal/yaml"
)

// A stamp tells one state of a file from another without reading it.
type stamp struct {
	size  int64
	mtime time.Time
	mode  fs.FileMode
}

// stampOf returns the zero stamp for a file that is not there.
func stampOf(path string) stamp {
	fi, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	return stamp{fi.Size(), fi.ModTime(), fi.Mode()}
}

// stamps are the states of several files.
type stamps map[string]stamp

// yamlLayer reads files of facts as Ruby MCollective does, with one thing
// better: a file that becomes unreadable, say because it is just being written,
// keeps its own last facts while the others are up to date.
func yamlLayer(o Options) *layer {
	y := &yamlFiles{paths: o.Files, files: map[string]*yamlFile{}}
	for _, path := range o.Files {
		y.files[path] = &yamlFile{}
	}
	l := newLayer("yaml", o, y.load)
	l.changed, l.poll = y.changed, o.Poll
	return l
}

type yamlFiles struct {
	paths []string
	files map[string]*yamlFile
}

type yamlFile struct {
	seen stamp
	good Set
}

func (y *yamlFiles) changed() bool {
	return slices.ContainsFunc(y.paths, func(p string) bool { return stampOf(p) != y.files[p].seen })
}

func (y *yamlFiles) load(context.Context) (Set, error) {
	var errs []error
	all := Set{}
	for _, path := range y.paths {
		f := y.files[path]
		if err := f.read(path); err != nil {
			errs = append(errs, err)
		}
		maps.Copy(all, f.good)
	}
	if len(all) == 0 {
		return nil, errors.Join(append(errs, errors.New("there are no facts"))...)
	}
	return all, errors.Join(errs...)
}

func (f *yamlFile) read(path string) error {
	f.seen = stampOf(path) // before reading: a change meanwhile is seen the next time
	set, err := readYAML(path)
	switch {
	case err == nil:
		f.good = set
	case errors.Is(err, fs.ErrNotExist):
		f.good = nil
	}
	return err
}

func readYAML(path string) (Set, error) {
	data, err := plainfile.Text(path, maxFile)
	if err != nil {
		return nil, err
	}
	v, err := yaml.Text(data, yaml.Limits{Bytes: maxFile, Aliases: true})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s: holds no map of facts", path)
	}
	return m, nil
}
