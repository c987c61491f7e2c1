// Package clientlibrary is the definitions on the machine of a client: those in the directories of its configuration, those built in, and those that nodes gave earlier.
package clientlibrary

import (
	"mcollective/ddl"
	"mcollective/ddl/library"
	"mcollective/internal/clientfiles"
	"mcollective/internal/config"
)

// Of returns where definitions are found without asking anybody.
func Of(f clientfiles.Files, cfg *config.Config) *library.Library { return For(f, cfg, "") }

// For returns the library for anyone who wants to find one plugin only.
func For(f clientfiles.Files, cfg *config.Config, name string) *library.Library {
	l := &library.Library{Dirs: cfg.LibDirs, Cache: f.Definitions()}
	if f.BuiltIn != nil {
		l.BuiltIn = func(kind ddl.Kind) map[string]*ddl.Definition { return f.BuiltIn(kind, name) }
	}
	return l
}

// Read returns Of the configuration at a path, or where it usually is.
func Read(f clientfiles.Files, path string) (*library.Library, error) {
	cfg, err := f.Config(path)
	if err != nil {
		return nil, err
	}
	return Of(f, cfg), nil
}

// Usual returns the library of the usual configuration, or of none if that cannot be read:
// a key that was pressed is no moment for complaints.
func Usual(f clientfiles.Files) *library.Library {
	l, err := Read(f, "")
	if err != nil {
		l = Of(f, &config.Config{})
	}
	return l
}
