package credential

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"
)

// An Entry is what an issuer remembers of a credential: which key has a name.
type Entry struct {
	Name        string    `json:"name"`
	Key         string    `json:"key"`
	Issued      time.Time `json:"issued"`
	Expires     time.Time `json:"expires"`
	Collectives []string  `json:"collectives"`
	Roles       []string  `json:"roles,omitempty"`
	Token       string    `json:"token,omitempty"` // the id of the token that a node joined with
}

func entryOf(c *Credential) Entry {
	return Entry{Name: c.Name, Key: c.subject, Issued: c.Issued, Expires: c.Expires, Collectives: c.Collectives, Roles: c.Roles}
}

// A Register remembers which key has which name, in a file. One process writes it.
type Register struct {
	path string

	mu      sync.Mutex
	entries map[string]Entry // by the name in small letters
	uses    map[string]int   // how often tokens were used
}

type registerFile struct {
	Entries []Entry        `json:"entries"`
	Uses    map[string]int `json:"uses,omitempty"`
}

// maxRegister bounds the file; an entry has some 300 bytes.
const maxRegister = 64 << 20

// OpenRegister reads a register; one that is not there is empty.
func OpenRegister(path string) (*Register, error) {
	r := &Register{path: path}
	return r, r.read()
}

// reload reads the register anew.
func (r *Register) reload() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.read()
}

func (r *Register) read() error {
	r.entries, r.uses = make(map[string]Entry), make(map[string]int)
	data, err := readSecret(r.path, maxRegister)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var f registerFile
	if err := json.Unmarshal(data, &f); err != nil {
		return fmt.Errorf("%s: %w", r.path, err)
	}
	for _, e := range f.Entries {
		r.entries[strings.ToLower(e.Name)] = e
	}
	for id, n := range f.Uses {
		r.uses[id] = n
	}
	return nil
}

// All returns the entries in the order of their names.
func (r *Register) All() []Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sorted()
}

func (r *Register) sorted() []Entry {
	all := make([]Entry, 0, len(r.entries))
	for _, e := range r.entries {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Holder returns the entry of a name, whatever its case, or nil.
func (r *Register) Holder(name string) *Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.entries[strings.ToLower(name)]; ok {
		return &e
	}
	return nil
}

// Put records an entry in place of what its name had.
func (r *Register) Put(e Entry) error { return r.put(e, "") }

// put records an entry and the use of a token, if it is one; both or neither.
func (r *Register) put(e Entry, token string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.entries == nil {
		r.entries, r.uses = make(map[string]Entry), make(map[string]int)
	}
	folded := strings.ToLower(e.Name)
	old, had := r.entries[folded]
	r.entries[folded] = e
	if token != "" {
		r.uses[token]++
	}
	data, err := json.MarshalIndent(registerFile{r.sorted(), r.uses}, "", " ")
	if err == nil {
		err = writeSecret(r.path, append(data, '\n'))
	}
	if err == nil {
		return nil
	}
	delete(r.entries, folded)
	if had {
		r.entries[folded] = old
	}
	if token != "" {
		r.uses[token]--
	}
	return err
}

// Uses returns how often a token was used.
func (r *Register) Uses(token string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.uses[token]
}

// lastUse returns when the newest credential was made that is there for a token.
func (r *Register) lastUse(token string) (last time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.entries {
		if e.Token == token && e.Issued.After(last) {
			last = e.Issued
		}
	}
	return last
}

// A HeldError is why a name is refused: another key has it.
type HeldError struct {
	Kind Kind
	Name string
	By   Entry
}

// Error implements error.
func (e *HeldError) Error() string {
	return fmt.Sprintf("the name %s is held by another key, which got its credential at %s; if that is to be replaced, revoke it first: mco trust revoke %s",
		e.By.Name, e.By.Issued.UTC().Format(time.RFC3339), e.By.Name)
}
