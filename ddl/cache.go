package ddl

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mcollective/internal/plainfile"
	"mcollective/internal/trust"
)

// maxRemote bounds what a node may give for a definition, in bytes.
const maxRemote = 256 << 10

// maxVersions is how many definitions of one agent are kept.
const maxVersions = 16

// ErrUnknown is wrapped by the error for a plugin that nothing is known of.
var ErrUnknown = errors.New("there is no definition of it")

// A Cache is a directory of definitions that nodes gave, AGENT/HASH.json. A
// definition is found by its hash, which nodes state, so that what is in the cache
// cannot be out of date: it is used where a node has it, and nowhere else. Errors
// in writing do no harm but that the next command asks again, and what cannot be
// read is as if it was not there.
type Cache struct {
	Dir string           // "": nothing is kept
	Now func() time.Time // default: time.Now
}

// A Learnt is a definition that a node gave.
type Learnt struct {
	*Definition
	Hash string    // in hexadecimal digits
	Time time.Time // when it was last used
}

// HashOf returns the hash of a definition as nodes give it, which is that of its bytes.
func HashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
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

// Get returns the definition of an agent whose hash begins with these digits, or
// nil.
func (c Cache) Get(agent, hash string) *Definition {
	if c.Dir == "" || hash == "" || CheckName(agent) != nil || strings.Trim(hash, "0123456789abcdef") != "" {
		return nil
	}
	for _, file := range c.files(agent) {
		if !strings.HasPrefix(filepath.Base(file), hash) {
			continue
		}
		if l, err := readLearnt(agent, file); err == nil {
			now := c.now()
			_ = os.Chtimes(file, now, now) // only tells it from those that nobody uses
			return l.Definition
		}
	}
	return nil
}

// Put keeps what a node gave. The definitions of the agent that were not used for
// longest go when they are too many.
func (c Cache) Put(agent string, data []byte) error {
	if c.Dir == "" {
		return nil
	}
	if err := CheckName(agent); err != nil {
		return err
	}
	file := filepath.Join(c.agentDir(agent), HashOf(data)+".json")
	if err := c.write(file, data); err != nil {
		return fmt.Errorf("keep the definition of agent %s: %w", agent, err)
	}
	all := c.files(agent)
	for _, old := range all[min(len(all), maxVersions):] {
		_ = os.Remove(old)
	}
	return nil
}

// Latest returns the definition of an agent that was used last, or nil.
func (c Cache) Latest(agent string) *Learnt {
	for _, file := range c.files(agent) {
		if l, err := readLearnt(agent, file); err == nil {
			return &l
		}
	}
	return nil
}

// Agents returns the names of the agents of which there are definitions.
func (c Cache) Agents() []string {
	if c.Dir == "" {
		return nil
	}
	entries, err := os.ReadDir(filepath.Join(c.Dir, string(Agent)))
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && CheckName(e.Name()) == nil {
			names = append(names, e.Name())
		}
	}
	return names
}

// Forget throws away what is known of an agent, and returns how many definitions
// that were.
func (c Cache) Forget(agent string) (int, error) {
	if c.Dir == "" || CheckName(agent) != nil {
		return 0, nil
	}
	n := len(c.files(agent))
	if err := os.RemoveAll(c.agentDir(agent)); err != nil {
		return 0, fmt.Errorf("forget the definitions of agent %s: %w", agent, err)
	}
	return n, nil
}

func (c Cache) agentDir(agent string) string { return filepath.Join(c.Dir, string(Agent), agent) }

// files returns those of an agent that have the name of a hash, the last used first.
func (c Cache) files(agent string) []string {
	if c.Dir == "" || CheckName(agent) != nil {
		return nil
	}
	dir := c.agentDir(agent)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // it is not there, or not for us
	}
	used := make(map[string]time.Time)
	for _, e := range entries {
		hash, ok := strings.CutSuffix(e.Name(), ".json")
		if info, err := e.Info(); ok && len(hash) == 2*sha256.Size && err == nil {
			used[filepath.Join(dir, e.Name())] = info.ModTime()
		}
	}
	files := slices.Sorted(maps.Keys(used))
	slices.SortStableFunc(files, func(a, b string) int { return used[b].Compare(used[a]) })
	return files
}

// readLearnt reads a file whose name has to be the hash of what is in it.
func readLearnt(agent, file string) (Learnt, error) {
	data, err := ReadFile(file, maxRemote)
	if err != nil {
		return Learnt{}, err
	}
	hash := HashOf(data)
	if filepath.Base(file) != hash+".json" {
		return Learnt{}, fmt.Errorf("%s: what is in it has the hash %s", file, hash)
	}
	info, err := os.Stat(file)
	if err != nil {
		return Learnt{}, err
	}
	d, err := ParseRemote(agent, data)
	return Learnt{Definition: d, Hash: hash, Time: info.ModTime()}, err
}

// write writes a file as a whole or not at all, for the user only.
func (c Cache) write(file string, data []byte) error {
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
		now := c.now()
		err = errors.Join(os.Chtimes(f.Name(), now, now), os.Rename(f.Name(), file))
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// ReadFile reads a definition that nobody but root and this user could have written: it decides what is
// destructive, and what a call may carry.
func ReadFile(file string, most int64) ([]byte, error) {
	data, err := plainfile.Read(file, most)
	if err != nil {
		return nil, err
	}
	if err := trust.Check(file); err != nil {
		return nil, err
	}
	return data, nil
}

func (c Cache) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}
