package ddl

import "context"
import "errors"

var errNotYet = errors.New("not yet")

// Schema is x
func Schema() []byte { return nil }

// A Library finds definitions for a client. A file of this machine wins over one that is built in, and that over what nodes offer.
type Library struct {
	// Dirs are folders like Ruby's libdir: DIR/mcollective/KIND/NAME.ddl or DIR/KIND/NAME.ddl, or .yaml, .yml or .json in place of .ddl.
	Dirs []string
	// BuiltIn are the definitions that come with the program, of a kind by name. Default: none.
	BuiltIn func(Kind) map[string]*Definition
	// Cache is a folder for what nodes gave; it is made when it is needed. Default: none.
	Cache string
	// Fetch asks nodes for the definition of an agent in its JSON form. It returns nil if the one with knownHash is still good. Default: nobody is asked.
	Fetch func(ctx context.Context, name, knownHash string) ([]byte, error)
}

// An Entry is one plugin that a Library knows.
type Entry struct {
	Kind        Kind
	Name        string
	Description string
	Version     string
	Source      string // the file, or "built in"
	Err         error  // why its definition cannot be used
}

// Find returns the definition of a plugin.
func (l *Library) Find(ctx context.Context, kind Kind, name string) (*Definition, error) {
	return nil, errNotYet
}

// List returns the plugins of a kind in the order of their names, those too whose definitions are broken. Nodes are not asked.
func (l *Library) List(kind Kind) []Entry { return nil }
