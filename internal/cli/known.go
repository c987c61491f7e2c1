package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"mcollective/ddl"
	"mcollective/internal/config"
	"mcollective/internal/plugins"
)

// clientConfig reads the configuration of a client from a path, or from where it
// usually is.
func clientConfig(env *Env, path string) (*config.Config, error) {
	if path == "" {
		path, _ = config.FindClient(env.Getenv, nil)
	}
	cfg, err := config.Load(path, config.Client)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return cfg, nil
}

// cacheDir is the directory where commands keep what they learn, or "" if there is no
// place for it.
func cacheDir(env *Env) string {
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

// library is where definitions are found without asking anybody: the directories of
// the configuration, what is built in, and what nodes gave earlier.
func library(env *Env, cfg *config.Config) *ddl.Library { return libraryFor(env, cfg, "") }

// libraryFor is the library for whoever wants to find one plugin only.
func libraryFor(env *Env, cfg *config.Config, name string) *ddl.Library {
	return &ddl.Library{Dirs: cfg.LibDirs, BuiltIn: func(kind ddl.Kind) map[string]*ddl.Definition { return plugins.BuiltIn(kind, name, Version()) }, Cache: definitionCache(env)}
}

// usualLibrary is the library of the usual configuration, or of none if that
// cannot be read: a key that was pressed is no moment for complaints.
func usualLibrary(env *Env) *ddl.Library {
	cfg, err := clientConfig(env, "")
	if err != nil {
		cfg = &config.Config{}
	}
	return library(env, cfg)
}

// definitionCache is what nodes gave earlier.
func definitionCache(env *Env) ddl.Cache {
	c := ddl.Cache{Now: env.Now}
	if dir := cacheDir(env); dir != "" {
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

// agentName tells whether a word can be the name of an agent.
func agentName(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}
