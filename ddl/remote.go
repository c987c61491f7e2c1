package ddl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// maxRemote bounds what a node may give for a definition, in bytes.
const maxRemote = 256 << 10

func (l *Library) cacheFolder() string { return filepath.Join(l.Cache, string(Agent)) }

// remote finds what nodes say of an agent. What does not bear reading is as if
// it was not there: it comes from another machine, or a file that only we write.
func (l *Library) remote(ctx context.Context, name string) (*Definition, error) {
	unknown := fmt.Errorf("agent %s: %w", name, ErrUnknown)
	var (
		known *Definition
		hash  string
		file  = filepath.Join(l.cacheFolder(), name+".json")
	)
	if l.Cache != "" {
		if d, err := load(file, Agent, name, maxRemote); err == nil {
			known, hash = d, d.Hash()
			if l.Fetch == nil || l.isFresh(file) {
				return d, nil
			}
		}
	}
	if l.Fetch == nil {
		return nil, unknown
	}
	data, err := l.Fetch(ctx, name, hash)
	switch {
	case err != nil && known != nil && ctx.Err() == nil, err == nil && data == nil && known != nil:
		if err == nil {
			now := l.now()
			_ = os.Chtimes(file, now, now) // only makes the next question later
		}
		return known, nil
	case err != nil:
		return nil, fmt.Errorf("%w, and asking the nodes failed: %w", unknown, err)
	case data == nil:
		return nil, unknown
	}
	d, err := ParseRemote(name, data)
	if err != nil {
		return nil, err
	}
	if l.Cache != "" {
		_ = l.store(file, d) // without a cache the next command asks again
	}
	return d, nil
}

// ParseRemote reads the JSON that a node gave for the definition of an agent.
// Nodes are not trusted with more than 256 KiB, nor with another name.
func ParseRemote(name string, data []byte) (*Definition, error) {
	if len(data) > maxRemote {
		return nil, fmt.Errorf("agent %s: a node gave a definition of %d bytes, more than %d", name, len(data), maxRemote)
	}
	d, err := Parse(name+".json", data)
	if err != nil {
		return nil, fmt.Errorf("agent %s: a node gave a definition that cannot be used: %w", name, err)
	}
	if d.Kind != Agent || d.Metadata.Agent != name {
		return nil, fmt.Errorf("agent %s: a node gave the definition of the %s %s", name, d.Kind, d.Metadata.Agent)
	}
	return d, nil
}

func (l *Library) now() time.Time {
	if l.Now != nil {
		return l.Now()
	}
	return time.Now()
}

func (l *Library) isFresh(file string) bool {
	fresh := l.Fresh
	if fresh == 0 {
		fresh = time.Hour
	}
	info, err := os.Stat(file)
	if err != nil {
		return false
	}
	age := l.now().Sub(info.ModTime())
	return age >= 0 && age < fresh
}

// store writes a file as a whole or not at all, for the user only.
func (l *Library) store(file string, d *Definition) error {
	data, err := d.JSON()
	if err != nil {
		return err
	}
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	f, err := os.CreateTemp(dir, ".new-*") // made with mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Close())
	if err == nil {
		now := l.now()
		err = errors.Join(os.Chtimes(f.Name(), now, now), os.Rename(f.Name(), file))
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
