package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"mcollective/internal/cli"
	"mcollective/internal/cli/commands"
)

// TestPagesAndHelpAgree holds docs/commands to what the commands say themselves:
// each command has a page, and both name the same flags.
func TestPagesAndHelpAgree(t *testing.T) {
	run := func(words ...string) string {
		var out, errs bytes.Buffer
		if code := commands.Main(words, &cli.Env{Out: &out, Err: &errs}); code != 0 {
			t.Fatalf("mco %q exits %d: %s", words, code, errs.String())
		}
		return out.String()
	}
	flag := regexp.MustCompile(`--[a-z][a-z_-]*[a-z]`)
	flags := func(text string) []string {
		found := flag.FindAllString(text, -1)
		slices.Sort(found)
		return slices.Compact(found)
	}
	for command := range strings.FieldsSeq(run("completion", "--list-applications")) {
		path := filepath.Join("..", "..", "docs", "commands", command+".md")
		data, err := os.ReadFile(path)
		if err != nil {
			t.Errorf("command %s has no page: %v", command, err)
			continue
		}
		page := string(data)
		own := page
		// Flags that many commands share are explained once.
		if strings.Contains(page, "(common.md)") {
			shared, err := os.ReadFile(filepath.Join("..", "..", "docs", "commands", "common.md"))
			if err != nil {
				t.Fatal(err)
			}
			page += string(shared)
		}
		// "mco --version" and the like speak of something else.
		other := regexp.MustCompile(`mco --[a-z]+`)
		// Options that many commands share have a page of their own, which help only names.
		// Those for which a command has no use are not in its help; rpc has them all.
		if command == "rpc" {
			own = page
		}
		written, real := flags(other.ReplaceAllString(page, "")), flags(run("help", command))
		for _, f := range flags(other.ReplaceAllString(own, "")) {
			if !accepted(f, real) && !refused(command, f) {
				t.Errorf("%s names %s, which mco %s does not have", path, f, command)
			}
		}
		for _, f := range real {
			if !slices.Contains(written, f) {
				t.Errorf("mco %s has %s, which %s does not explain", command, f, path)
			}
		}
	}
}

// A page of help is read at a terminal, without a pager.
func TestHelpFitsATerminal(t *testing.T) {
	run := func(words ...string) string {
		var out, errs bytes.Buffer
		if code := commands.Main(words, &cli.Env{Out: &out, Err: &errs}); code != 0 {
			t.Fatalf("mco %q exits %d: %s", words, code, errs.String())
		}
		return out.String()
	}
	const most = 45 // lines
	for _, topic := range append(strings.Fields(run("completion", "--list-applications")), "options", "") {
		page := run(strings.Fields("help " + topic)...)
		if n := strings.Count(page, "\n"); n > most && topic != "options" {
			t.Errorf("mco help %s has %d lines, more than %d", topic, n, most)
		}
		for line := range strings.Lines(page) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 80 {
				t.Errorf("mco help %s: %d columns: %s", topic, n, line)
			}
		}
		if at, options := strings.Index(page, "\nExamples\n"), strings.Index(page, "\nOptions"); at > options {
			t.Errorf("mco help %s shows its options before its examples", topic)
		}
	}
}

// refused reports whether a command refuses an option always, which its page may say.
func refused(command, flag string) bool {
	for _, r := range cli.Rules {
		for _, o := range r.Options {
			if r.Command == command && r.Never() && (flag == "--"+o || slices.Contains(cli.Spellings(o), flag[2:])) {
				return true
			}
		}
	}
	return false
}

// accepted reports whether a flag is one of those that help shows, or a unique
// beginning of one.
func accepted(flag string, real []string) bool {
	if slices.Contains(real, flag) {
		return true
	}
	n := 0
	for _, r := range real {
		if strings.HasPrefix(r, flag) {
			n++
		}
	}
	return n == 1
}
