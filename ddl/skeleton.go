package ddl

import (
	"context"
	"errors"

	"mcollective/marshal"
	"mcollective/rpc"
)

var errNotYet = errors.New("not yet")

// Parse reads a definition. The extension of the file says in which form it is:
// .yaml, .yml and .json hold the native one, .ddl Ruby's. The name of the file
// is also for error messages and, where the text does not say, that of the
// plugin; the file is not opened.
func Parse(file string, data []byte) (*Definition, error) {
	d, _, err := ParseDescriptor(file, data)
	return d, err
}

// ParseDescriptor is Parse, and returns the keys of the top level too that say how an agent is
// run, for package agent/stdio: as bool, int64, float64, string, []any or map[string]any.
func ParseDescriptor(file string, data []byte) (*Definition, map[string]any, error) {
	return nil, nil, errNotYet
}

// JSON is the definition in the native form, always the same bytes for an equal definition.
func (d *Definition) JSON() ([]byte, error) { return nil, errNotYet }

// YAML is the definition in the native form, as people write it.
func (d *Definition) YAML() ([]byte, error) { return nil, errNotYet }

// Hash is the SHA-256 of the definition's JSON in hexadecimal digits.
func (d *Definition) Hash() string { return "" }

// Schema is the JSON schema of the native form.
func Schema() []byte { return nil }

// Validate judges the inputs of a request.
func (d *Definition) Validate(action string, data *marshal.Hash) error { return errNotYet }

// ValidateQuery judges the query of a data plugin; nil means that none was given.
func (d *Definition) ValidateQuery(query any) error { return errNotYet }

// Complete gives inputs that are not optional and were not given their defaults.
func (a *Action) Complete(data *marshal.Hash) {}

// Coerce turns the text that a user typed into a value of the input's type.
// The text of an input that is not declared stays as it is.
func (a *Action) Coerce(input, text string) (any, error) { return nil, errNotYet }

// Reply is the reply of an action that did not fail so far: its outputs have their defaults.
func (a *Action) Reply() *rpc.Reply { return nil }

// Nearest is the candidate that name was most likely meant to be, or "".
func Nearest(name string, candidates []string) string { return "" }

// Help is the text for people, as Ruby's "mco plugin doc" prints it. columns is the width of the terminal, 0 for the 80 of one that is not known.
func (d *Definition) Help(columns int) string { return "" }

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
