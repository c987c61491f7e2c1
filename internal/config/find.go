package config

import (
	"os"
	"path/filepath"
)

// ClientPaths returns the places where a client looks for its configuration when
// it is given none, first to last: the user's own, then the machine's. getenv
// is os.Getenv when nil.
func ClientPaths(getenv func(string) string) []string {
	if getenv == nil {
		getenv = os.Getenv
	}
	var list []string
	home, xdg := getenv("HOME"), getenv("XDG_CONFIG_HOME")
	if filepath.IsAbs(home) {
		list = append(list, filepath.Join(home, ".mcollective"))
		if xdg == "" {
			xdg = filepath.Join(home, ".config")
		}
	}
	if filepath.IsAbs(xdg) {
		list = append(list, filepath.Join(xdg, "mcollective", "client.cfg"))
	}
	return append(list, "/etc/puppetlabs/mcollective/client.cfg", "/etc/mcollective/client.cfg")
}

// ServerPaths returns the places where a node looks for its configuration.
func ServerPaths() []string {
	return []string{"/etc/puppetlabs/mcollective/server.cfg", "/etc/mcollective/server.cfg"}
}

// FindClient returns the first readable one of ClientPaths; ok is false when there
// is none. readable is Readable when nil.
func FindClient(getenv func(string) string, readable func(string) bool) (path string, ok bool) {
	return first(ClientPaths(getenv), readable)
}

// FindServer returns the first readable one of ServerPaths; ok is false when there
// is none. readable is Readable when nil.
func FindServer(readable func(string) bool) (path string, ok bool) {
	return first(ServerPaths(), readable)
}

func first(paths []string, readable func(string) bool) (string, bool) {
	if readable == nil {
		readable = Readable
	}
	for _, p := range paths {
		if readable(p) {
			return p, true
		}
	}
	return "", false
}

// Readable reports whether path is a regular file that this process can open. A
// user may well have a directory ~/.mcollective, and opening a pipe would wait.
func Readable(path string) bool {
	fi, err := os.Stat(path)
	if err != nil || !fi.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	f.Close()
	return true
}
