package plainfile_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mcollective/internal/dirtest"
	"mcollective/internal/plainfile"
	"mcollective/internal/subtest"
)

func TestInterpreter(t *testing.T) {
	path := filepath.Join(dirtest.New(t), "script")
	for text, want := range map[string][]string{
		"#!/bin/sh\necho": {"/bin/sh"}, "#! /usr/bin/env -S ruby -w": {"/usr/bin/env", "-S", "ruby", "-w"},
		"#!/bin/sh\r\n": {"/bin/sh"}, "": nil, "#!": nil, "#! \n/bin/sh": nil, "\x7fELF": nil, "\n#!/bin/sh": nil, "\ufeff#!/bin/sh": nil,
		"#!/" + strings.Repeat("x", 300) + " a": {"/" + strings.Repeat("x", 253)},
	} {
		t.Run(subtest.Name(text), func(t *testing.T) {
			dirtest.Write(t, path, text, 0o700)
			if got, err := plainfile.Interpreter(path); err != nil || !slices.Equal(got, want) {
				t.Errorf("%.40q: %q, %v; want %q", text, got, err, want)
			}
		})
	}
	if _, err := plainfile.Interpreter(filepath.Dir(path)); err == nil {
		t.Error("a directory has a first line")
	}
}
