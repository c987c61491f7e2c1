// Package clientfiles is what a client has in files: its configuration, and the caches of definitions and of names.
package clientfiles

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mcollective/ddl"
	"mcollective/internal/config"
)

// Files are the files of one user. The zero value has none, and nothing built in.
type Files struct {
	Getenv func(string) string // says where the files are; nil is for a user without any
	Now    func() time.Time    // by which a definition in the cache is too old; default time.Now

	// BuiltIn returns the definitions of the plugins of a kind that are part of this
	// program, or only the one of a name that is not empty; nil is for none.
	BuiltIn func(kind ddl.Kind, name string) map[string]*ddl.Definition
}

func (f Files) getenv(name string) string {
	if f.Getenv == nil {
		return ""
	}
	return f.Getenv(name)
}

// Config reads the configuration of a client from a path, or from where it
// usually is.
func (f Files) Config(path string) (*config.Config, error) {
	if path == "" {
		path, _ = config.FindClient(f.getenv, nil)
	}
	cfg, err := config.Load(path, config.Client)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return cfg, nil
}

// CacheDir returns the directory where a client keeps what it learns, or "" if there is no
// place for it.
func (f Files) CacheDir() string {
	dir := f.getenv("XDG_CACHE_HOME")
	if dir == "" || !filepath.IsAbs(dir) {
		home := f.getenv("HOME")
		if home == "" {
			return ""
		}
		dir = filepath.Join(home, ".cache")
	}
	return filepath.Join(dir, "mco")
}

// Definitions returns what nodes gave earlier.
func (f Files) Definitions() ddl.Cache {
	c := ddl.Cache{Now: f.Now}
	if dir := f.CacheDir(); dir != "" {
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
