package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"mcollective/internal/plainfile"
	"mcollective/internal/trust"
)

// A place is what kind of file or directory a key names that a node reads long after
// it has started: a mistake is said at the start, and not only once it is missed.
type place struct {
	directory bool
	data      bool // what is read there are no instructions, and it may belong to others
	optional  bool // that it is not there is no mistake
}

// advisePlaces warns of what a node is to read and cannot, or will not. Other files
// say themselves at the start what is wrong: the log, the facts, all that a connection
// needs. Puppet writes the file of classes when it first runs.
func (c *Config) advisePlaces() {
	if c.Role != Server {
		return
	}
	for _, key := range c.keys() {
		r := findRow(key)
		if r == nil || r.place == nil {
			continue
		}
		text, _ := c.Get(key)
		for _, path := range filepath.SplitList(text) {
			path = strings.TrimSpace(path)
			if !filepath.IsAbs(path) {
				continue // it is looked for elsewhere
			}
			err := r.place.usable(path)
			if r.place.optional && errors.Is(err, fs.ErrNotExist) {
				c.ignore(key, "there is no "+path)
			} else if err != nil {
				c.warn("%s: %s: %v", c.Origin(key), key, err)
			}
		}
	}
}

// usable reports why a file or directory cannot or will not be read.
func (p place) usable(path string) error {
	var err error
	if p.directory {
		err = readable(path)
	} else {
		var f *plainfile.File
		if f, err = plainfile.Open(path); err == nil {
			f.Close()
		}
	}
	if err == nil && !p.data {
		err = trust.Check(path)
	}
	return err
}

// readable reports why the names in a directory cannot be read.
func readable(path string) error {
	f, err := os.OpenFile(path, plainfile.Flags, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err == nil && !fi.IsDir() {
		err = fmt.Errorf("%s: not a directory", path)
	}
	return err
}
