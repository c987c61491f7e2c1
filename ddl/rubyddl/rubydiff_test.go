package rubyddl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mcollective/ddl"
	"mcollective/internal/plaintext"
	"mcollective/internal/waittest"
	"mcollective/value"
)

// TestRubyDifferential compares what we make of .ddl files with what Ruby's own
// MCollective makes of them: those of this package, those that the installed
// MCollective has, and those of the directory that MCO_DDL_CORPUS names. With -v it
// says the verdict on each of the latter.
func TestRubyDifferential(t *testing.T) {
	var paths []string
	for _, root := range []string{"testdata", "/usr/lib/ruby/vendor_ruby/mcollective", os.Getenv("MCO_DDL_CORPUS")} {
		paths = append(paths, ddlFiles(root)...)
	}
	theirs := rubysView(t, paths)
	same, differ := 0, 0
	for i, path := range paths {
		if theirs[i] == nil {
			t.Errorf("%s: Ruby gave no answer", path)
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		ours := ourView(path, data)
		if reason, ok := theirs[i]["error"]; ok && ours["error"] != nil {
			same++
			verdict(t, path, "refused by both: Ruby: %v; we: %v", reason, ours["error"])
			continue
		}
		if d := cmp.Diff(theirs[i], ours); d != "" {
			differ++
			t.Errorf("%s: Ruby (-) and we (+) differ:\n%s", path, d)
			continue
		}
		if err := keeps(path, data, ours); err != nil {
			t.Errorf("%s: converted: %v", path, err)
		}
		same++
		verdict(t, path, "same")
	}
	t.Logf("%d files: %d the same, %d different", len(paths), same, differ)
}

// keeps converts the definition to the native form, and to Ruby's again, and
// compares what is read back.
func keeps(path string, data []byte, want map[string]any) error {
	d, err := Parse(path, data)
	if err != nil {
		return err
	}
	native, err := d.YAML()
	if err != nil {
		return err
	}
	base := strings.TrimSuffix(path, ".ddl")
	for _, form := range []struct {
		file string
		data []byte
	}{{base + ".yaml", native}, {path, Format(d)}} {
		again, err := Parse(form.file, form.data)
		if err != nil {
			return err
		}
		if diff := cmp.Diff(want, definitionView(again)); diff != "" {
			return fmt.Errorf("the .ddl (-) and %s (+) differ:\n%s", form.file, diff)
		}
	}
	return nil
}

func verdict(t *testing.T, path, format string, args ...any) {
	if root := os.Getenv("MCO_DDL_CORPUS"); root != "" && strings.HasPrefix(path, root) {
		t.Logf("%s: %s", path, fmt.Sprintf(format, args...))
	}
}

func ddlFiles(root string) []string {
	var paths []string
	_ = filepath.WalkDir(root, func(p string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(p, ".ddl") {
			paths = append(paths, p)
		}
		return nil
	})
	return paths
}

// rubysView runs Ruby over the files. A file without an answer is nil.
func rubysView(t *testing.T, paths []string) []map[string]any {
	t.Helper()
	if testing.Short() {
		t.Skip("skipped: starts Ruby")
	}
	if err := exec.CommandContext(waittest.Within(t, waittest.Patience), "ruby", "-e", `require "mcollective"`).Run(); err != nil {
		t.Skipf("skipped: no Ruby with MCollective here: %v", err)
	}
	cmd := exec.CommandContext(waittest.Within(t, 5*time.Minute), "ruby", "testdata/dump.rb")
	cmd.Stdin = strings.NewReader(strings.Join(paths, "\n") + "\n")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ruby testdata/dump.rb: %v", err)
	}
	views := make([]map[string]any, len(paths))
	d := json.NewDecoder(bytes.NewReader(out))
	for i := range views {
		if err := d.Decode(&views[i]); err != nil {
			t.Fatalf("the answer of Ruby about %s: %v", paths[i], err)
		}
	}
	return views
}

// ourView has the shape of dump in dump.rb.
func ourView(path string, data []byte) map[string]any {
	d, err := Parse(path, data)
	if err != nil {
		return map[string]any{"error": err.Error()}
	}
	return definitionView(d)
}

func definitionView(d *ddl.Definition) map[string]any {
	m := d.Metadata
	view := map[string]any{
		"usage": d.Usage,
		"metadata": map[string]any{
			"name": m.Name, "description": m.Description, "author": m.Author, "license": m.License, "version": m.Version, "url": m.URL,
		},
		"timeout":  fmt.Sprint(plaintext.Float(m.Timeout.Seconds())),
		"requires": []any{},
		"actions":  []any{},
	}
	for _, q := range d.Requires {
		view["requires"] = append(view["requires"].([]any), []any{q.Name, q.Version})
	}
	switch {
	case d.Query != nil:
		view["query"] = actionView(d.Query)
	case d.Kind == ddl.Discovery && d.Capabilities != nil:
		var all []any
		for _, c := range d.Capabilities {
			all = append(all, c)
		}
		view["capabilities"] = all
	}
	for _, a := range d.Actions {
		view["actions"] = append(view["actions"].([]any), actionView(a))
	}
	return view
}

func actionView(a *ddl.Action) map[string]any {
	inputs, outputs, summaries := []any{}, []any{}, []any{}
	for _, i := range a.Inputs {
		v := map[string]any{}
		switch {
		case i.Validation.Validator != "":
			v["validator"] = i.Validation.Validator
		case i.Validation.List != nil:
			v["list"] = valueView(i.Validation.List)
		case i.Validation.Class != "":
			v["class"] = i.Validation.Class
		case i.Validation.Regexp != "":
			v["regexp"] = i.Validation.Regexp
		}
		var list any
		if i.List != nil {
			list = valueView(i.List)
		}
		inputs = append(inputs, map[string]any{
			"name": i.Name, "prompt": i.Prompt, "description": i.Description, "type": string(i.Type), "optional": i.Optional,
			"default": valueView(i.Default), "validation": v, "maxlength": float64(i.MaxLength), "list": list,
		})
	}
	for _, o := range a.Outputs {
		outputs = append(outputs, map[string]any{"name": o.Name, "description": o.Description, "display_as": o.DisplayAs, "default": valueView(o.Default)})
	}
	for _, s := range a.Summaries {
		options := map[string]any{}
		for k, v := range s.Options {
			options[k] = valueView(v)
		}
		summaries = append(summaries, map[string]any{"function": s.Function, "output": s.Output, "format": s.Format, "options": options})
	}
	return map[string]any{
		"name": a.Name, "description": a.Description, "display": string(a.Display), "inputs": inputs, "outputs": outputs, "summaries": summaries,
	}
}

func valueView(v any) any {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case float64:
		return map[string]any{"float": plaintext.Float(v)}
	case value.Symbol:
		return map[string]any{"symbol": string(v)}
	case []any:
		all := []any{}
		for _, e := range v {
			all = append(all, valueView(e))
		}
		return all
	case *value.Map:
		pairs := []any{}
		for _, p := range v.Pairs {
			pairs = append(pairs, []any{valueView(p.Key), valueView(p.Value)})
		}
		return map[string]any{"hash": pairs}
	}
	return v
}
