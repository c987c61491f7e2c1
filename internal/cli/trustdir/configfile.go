package trustdir

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mcollective/internal/config"
	"mcollective/internal/credential"
	"mcollective/internal/plainfile"
	"mcollective/internal/usage"
)

// written begins the configuration files that mco wrote, whatever they say of that.
const written = "# Written by mco"

// heading is the first line of those that it writes.
const heading = written + ". Joining again changes only the settings that stand here now; add your own below."

// maxConfig bounds a configuration file.
const maxConfig = 1 << 20

// A setting is a line of a configuration file that is mco's to change.
type setting struct {
	key, value string

	// keeps reports whether another value does as well, so that it stays.
	keeps func(old string) bool
}

// settings returns what the configuration of an identity has to say.
func settings(role config.Role, c *credential.Credential, servers []string) (all []setting) {
	urls := make([]string, len(servers))
	for i, s := range servers {
		urls[i] = "tls://" + s
	}
	// A node may be in fewer collectives than it could, and know of more addresses.
	fewer := func(old string) bool { return within(list(old), c.Collectives) }
	more := func(old string) bool { return within(urls, list(old)) }
	dir := "client"
	if role == config.Server {
		dir = "node"
		all = append(all, setting{"identity", c.Name, nil})
	}
	return append(all,
		setting{"main_collective", c.Collectives[0], fewer},
		setting{"collectives", strings.Join(c.Collectives, ","), fewer},
		setting{"securityprovider", "creds", func(old string) bool { return strings.EqualFold(old, "creds") }},
		setting{"plugin.creds.dir", dir, nil},
		setting{"connector", "nats", func(old string) bool { return strings.EqualFold(old, "nats") }},
		setting{"plugin.nats.servers", strings.Join(urls, ","), more})
}

// list returns the parts of a value with commas.
func list(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })
}

func within(part, whole []string) bool {
	return len(part) > 0 && !slices.ContainsFunc(part, func(s string) bool { return !slices.Contains(whole, s) })
}

// WriteConfig writes the configuration of an identity that is in the directory client or node beside it. In a file
// that is there it changes the settings that are mco's, where they must, and nothing else. It returns what it
// changed there, in words.
func WriteConfig(path string, role config.Role, c *credential.Credential, servers []string) (changes []string, err error) {
	set := settings(role, c, servers)
	old, err := plainfile.Read(path, maxConfig)
	if errors.Is(err, fs.ErrNotExist) {
		text := heading + "\n"
		if role == config.Server {
			text += "logger_type = console\n"
		}
		for _, s := range set {
			text += s.line()
		}
		return nil, credential.WriteSecret(path, []byte(text))
	}
	if err != nil {
		return nil, err
	}
	text, changes := change(string(old), set)
	if len(changes) == 0 {
		return nil, nil
	}
	return changes, credential.WriteSecret(path, []byte(text))
}

func (s setting) line() string { return s.key + " = " + s.value + "\n" }

// change returns a configuration with other settings, and what became of them in words.
func change(text string, set []setting) (changed string, changes []string) {
	var b strings.Builder
	found := make(map[string]bool)
	for line := range strings.Lines(text) {
		key, value := read(line)
		i := slices.IndexFunc(set, func(s setting) bool { return s.key == key })
		if i < 0 {
			b.WriteString(line)
			continue
		}
		s := set[i]
		found[key] = true
		if value == s.value || s.keeps != nil && s.keeps(value) {
			b.WriteString(line)
			continue
		}
		b.WriteString(s.line())
		changes = append(changes, fmt.Sprintf("%s is %s now, and was %q", key, s.value, value))
	}
	for _, s := range set {
		if found[s.key] {
			continue
		}
		if n := b.Len(); n > 0 && b.String()[n-1] != '\n' {
			b.WriteByte('\n')
		}
		b.WriteString(s.line())
		changes = append(changes, fmt.Sprintf("%s is %s now, and was not there", s.key, s.value))
	}
	return b.String(), changes
}

// read splits a line as package config does. What is no setting has no key.
func read(line string) (key, value string) {
	if line = strings.TrimRight(line, " \t\r\n\f\v"); line == "" || line[0] == '#' {
		return "", ""
	}
	i := strings.IndexByte(line[1:], '=') + 1
	if i == 0 {
		return "", ""
	}
	return strings.TrimSpace(line[:i]), strings.TrimSpace(line[i+1:])
}

// Writable returns why a configuration file may not be written, or nil: what somebody else wrote is kept.
func Writable(path string) error {
	data, err := plainfile.Read(path, maxConfig)
	if errors.Is(err, fs.ErrNotExist) || err == nil && bytes.HasPrefix(data, []byte(written)) {
		return nil
	}
	if err != nil {
		return err
	}
	return usage.Hinted(fmt.Errorf("%s is there already and was not written by mco", path), "Move it away, or name another directory with --dir")
}

// NodeName returns the name that the node in the directory has: that of its credential or, if that cannot be read,
// that in server.cfg. It is empty if there is no key.
func (d Dir) NodeName() (string, error) {
	id, _, err := credential.Load(d.Node())
	if err == nil {
		return id.Credential().Name, nil
	}
	if _, err := credential.LoadKey(d.Node()); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	data, unread := plainfile.Read(d.ServerConfig(), maxConfig)
	if unread != nil && !errors.Is(unread, fs.ErrNotExist) {
		return "", unread
	}
	name := ""
	for line := range strings.Lines(string(data)) {
		if key, value := read(line); key == "identity" {
			name = value
		}
	}
	if name == "" {
		return "", usage.Hinted(fmt.Errorf("%s has a key, and whose it is cannot be read: %w", d.Node(), err),
			"Remove "+d.Node()+", and have the name revoked with mco trust revoke before you join again")
	}
	return name, nil
}

// Prepare makes sure that files can be written into the directory and one inside of it, which it makes. With undo
// the directories that it made go again, if nothing came into them.
func (d Dir) Prepare(inside string) (undo func(), err error) {
	var made []string
	for dir := inside; ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			break
		}
		made = append(made, dir)
	}
	undo = func() {
		for _, dir := range made {
			os.Remove(dir) // fails if something is in there
		}
	}
	if err := os.MkdirAll(inside, 0o700); err != nil {
		undo()
		return nil, err
	}
	for _, dir := range []string{string(d), inside} {
		f, err := os.CreateTemp(dir, ".writable.*")
		if err != nil {
			undo()
			return nil, err
		}
		_, err = f.WriteString("\n") // a full disk takes the name and no more
		if err := errors.Join(err, f.Close(), os.Remove(f.Name())); err != nil {
			undo()
			return nil, err
		}
	}
	return undo, nil
}
