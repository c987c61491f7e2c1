// Package known is what commands know without asking anybody: the configuration of the client, definitions, and the completion cache of what they have seen.
package known

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"mcollective/ddl"
	"mcollective/ddl/library"
	"mcollective/internal/cli"
	"mcollective/internal/config"
)

// Config reads the configuration of a client from a path, or from where it
// usually is.
func Config(env *cli.Env, path string) (*config.Config, error) {
	if path == "" {
		path, _ = config.FindClient(env.Getenv, nil)
	}
	cfg, err := config.Load(path, config.Client)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return cfg, nil
}

// CacheDir returns the directory where commands keep what they learn, or "" if there is no
// place for it.
func CacheDir(env *cli.Env) string {
	dir := env.Getenv("XDG_CACHE_HOME")
	if dir == "" || !filepath.IsAbs(dir) {
		home := env.Getenv("HOME")
		if home == "" {
			return ""
		}
		dir = filepath.Join(home, ".cache")
	}
	return filepath.Join(dir, "mco")
}

// Library returns where definitions are found without asking anybody: the directories of
// the configuration, what is built in, and what nodes gave earlier.
func Library(env *cli.Env, cfg *config.Config) *library.Library { return LibraryFor(env, cfg, "") }

// LibraryFor returns the library for anyone who wants to find one plugin only.
func LibraryFor(env *cli.Env, cfg *config.Config, name string) *library.Library {
	builtIn := func(kind ddl.Kind) map[string]*ddl.Definition {
		if env.BuiltIn == nil {
			return nil
		}
		return env.BuiltIn(kind, name, cli.Version())
	}
	return &library.Library{Dirs: cfg.LibDirs, BuiltIn: builtIn, Cache: Definitions(env)}
}

// UsualLibrary returns the library of the usual configuration, or of none if that
// cannot be read: a key that was pressed is no moment for complaints.
func UsualLibrary(env *cli.Env) *library.Library {
	cfg, err := Config(env, "")
	if err != nil {
		cfg = &config.Config{}
	}
	return Library(env, cfg)
}

// Definitions returns what nodes gave earlier.
func Definitions(env *cli.Env) ddl.Cache {
	c := ddl.Cache{Now: env.Now}
	if dir := CacheDir(env); dir != "" {
		c.Dir = filepath.Join(dir, "ddl")
	}
	return c
}

// privateDir makes a directory for this user alone.
func privateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the directory %s: %w", dir, err)
	}
	return nil
}

// IsAgentName reports whether a word can be the name of an agent.
func IsAgentName(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}
