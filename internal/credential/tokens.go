package credential

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// An Offer is what a broker keeps of a join token: what it allows, and a hash of its secret.
type Offer struct {
	ID          string        `json:"id"`
	Hash        string        `json:"hash"`
	Pattern     string        `json:"name"` // of the names that may join, with * and ?
	Collectives []string      `json:"collectives"`
	Roles       []string      `json:"roles,omitempty"`
	Uses        int           `json:"uses"`
	Created     time.Time     `json:"created"`
	Expires     time.Time     `json:"expires"`
	Lasts       time.Duration `json:"lasts"` // of the credentials of nodes that join
}

// Tokens are the join tokens of a broker: a directory with a file for each.
type Tokens struct{ dir string }

// OpenTokens returns those in a directory, which need not be there.
func OpenTokens(dir string) Tokens { return Tokens{dir} }

// maxTokens bounds how many tokens there may be.
const maxTokens = 1000

// Add records what a token allows. It is refused when there are too many.
func (s Tokens) Add(t JoinToken, o Offer) error {
	o.ID = t.ID()
	hash := t.hash()
	o.Hash = base64url.EncodeToString(hash[:])
	if err := o.check(); err != nil {
		return err
	}
	if err := makeDir(s.dir); err != nil {
		return err
	}
	data, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		return err
	}
	release, err := holdDir(s.dir)
	if err != nil {
		return err
	}
	defer release()
	names, err := s.names()
	if err != nil {
		return err
	}
	if len(names) >= maxTokens {
		return fmt.Errorf("there are %d tokens in %s, as many as there may be; make one for many machines (--uses), or end some: mco token list, mco token revoke ID", len(names), s.dir)
	}
	return writeNew(s.file(o.ID), append(data, '\n'))
}

func (s Tokens) file(id string) string { return filepath.Join(s.dir, id+".json") }

func (o Offer) check() error {
	if _, err := path.Match(o.Pattern, ""); err != nil || o.Pattern == "" {
		return fmt.Errorf("%.100q is not a pattern for names, such as 'web*.example.com'", o.Pattern)
	}
	switch {
	case o.Uses < 1:
		return errors.New("a token has one use or more")
	case !o.Expires.After(o.Created):
		return errors.New("a token ends after it was made")
	case o.Lasts < time.Minute:
		return errors.New("the credentials of nodes last a minute or more")
	}
	return (&Credential{Kind: Node}).readTags(mustTags(Grant{Collectives: o.Collectives, Roles: o.Roles}))
}

func mustTags(g Grant) []string {
	tags, _ := g.tags(Node) // the reader reports what is wrong
	return tags
}

// Allows reports whether a name matches the pattern. Case does not matter.
func (o Offer) Allows(name string) bool {
	ok, err := path.Match(strings.ToLower(o.Pattern), strings.ToLower(name))
	return err == nil && ok
}

// Remove takes a token back.
func (s Tokens) Remove(id string) error {
	if strings.ContainsAny(id, "/\\") || id == "" {
		return fmt.Errorf("%.100q is not the id of a token", id)
	}
	err := os.Remove(s.file(id))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no token %.100q", id)
	}
	return err
}

// All returns what all tokens allow, the newest last. Files that cannot be read are an error beside the others.
func (s Tokens) All() ([]Offer, error) {
	names, err := s.names()
	if err != nil {
		return nil, err
	}
	var all []Offer
	var failed error
	for _, name := range names[:min(len(names), maxTokens)] {
		o, err := s.read(name)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				failed = errors.Join(failed, err)
			}
			continue
		}
		all = append(all, o)
	}
	slices.SortStableFunc(all, func(a, b Offer) int { return a.Created.Compare(b.Created) })
	return all, failed
}

// names returns the names of all files of tokens.
func (s Tokens) names() (names []string, err error) {
	files, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, f := range files {
		if strings.HasSuffix(f.Name(), ".json") && !strings.HasPrefix(f.Name(), ".") {
			names = append(names, f.Name())
		}
	}
	return names, err
}

func (s Tokens) read(name string) (o Offer, err error) {
	file := filepath.Join(s.dir, name)
	data, err := readSecret(file, 64<<10)
	if err != nil {
		return o, err
	}
	if err := json.Unmarshal(data, &o); err != nil {
		return o, fmt.Errorf("%s: %w", file, err)
	}
	if err := o.check(); err != nil || o.ID+".json" != name {
		return o, fmt.Errorf("%s is not the file of a token: %w", file, err)
	}
	return o, nil
}

// find returns what the token with a secret allows, or nil. It reads one file: strangers may ask often.
func (s Tokens) find(secret [16]byte) (*Offer, error) {
	t := JoinToken{Secret: secret}
	o, err := s.read(t.ID() + ".json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	hash := t.hash()
	want, err := base64url.DecodeString(o.Hash)
	if err != nil || subtle.ConstantTimeCompare(want, hash[:]) != 1 {
		return nil, nil
	}
	return &o, nil
}
