// Package clitest has what tests of commands share.
package clitest

import (
	"bytes"
	"strings"
	"testing"

	"mcollective/internal/cli"
	"mcollective/internal/dirtest"
	"mcollective/internal/plugins"
	"mcollective/internal/safetext"
)

// Env returns the world of a user whose home is an empty directory.
func Env(t testing.TB) *cli.Env {
	home := dirtest.New(t)
	env := &cli.Env{Getenv: func(name string) string {
		if name == "HOME" {
			return home
		}
		return ""
	}, BuiltIn: plugins.BuiltIn}
	return env.WithDefaults()
}

// Harmless reports whether a shell reads a word as that word and nothing else.
func Harmless(word string) bool {
	return word != "" && word[0] != '-' && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/@%+,=-") == ""
}

// Cleans checks that what a node says reaches a terminal, and a pipe that may end on
// one, without what that would obey, and with --raw as it came. filled says that the
// output has some of it whatever the streams.
func Cleans(t *testing.T, write func(env *cli.Env) error) {
	t.Helper()
	for _, terminal := range []bool{false, true} {
		for _, raw := range []bool{false, true} {
			var out bytes.Buffer
			env := (&cli.Env{Out: &out, OutTerminal: terminal}).WithDefaults()
			env.Raw = raw
			if err := write(env); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(out.String(), "\x1b") != raw {
				t.Errorf("terminal %t, raw %t: got %q", terminal, raw, out.String())
			}
			if !raw && safetext.Clean(out.String()) != out.String() {
				t.Errorf("terminal %t: got %q", terminal, out.String())
			}
		}
	}
}
