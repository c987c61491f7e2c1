package mcollective

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// A page is a Markdown file of this repository.
type page struct {
	name  string
	lines []string // those outside of fenced blocks; a line of a block is empty
}

var (
	pageLink    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	inlineCode  = regexp.MustCompile("`[^`]*`")
	headingLine = regexp.MustCompile(`^#{1,6} +(.*)$`)
	notInAnchor = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// pages returns every Markdown file of the repository.
func pages(t *testing.T) []page {
	t.Helper()
	var all []page
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || len(d.Name()) > 1 && d.Name()[0] == '.'):
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(name) != ".md":
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		p, fenced := page{name: name}, false
		for line := range strings.SplitSeq(string(text), "\n") {
			fence := strings.HasPrefix(strings.TrimSpace(line), "```")
			if fence || fenced {
				line = ""
			}
			if fence {
				fenced = !fenced
			}
			p.lines = append(p.lines, line)
		}
		if fenced {
			t.Errorf("%s: a fenced block is not closed", name)
		}
		all = append(all, p)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 40 {
		t.Fatalf("found %d pages", len(all))
	}
	return all
}

// anchors returns the fragments under which the headings of a page are found, as
// forges make them.
func (p page) anchors() []string {
	var all []string
	for _, line := range p.lines {
		if m := headingLine.FindStringSubmatch(line); m != nil {
			text := notInAnchor.ReplaceAllString(strings.ToLower(m[1]), "")
			all = append(all, strings.ReplaceAll(text, " ", "-"))
		}
	}
	return all
}

// A link from one page to another file or heading of the repository leads
// somewhere.
func TestPageLinks(t *testing.T) {
	all := pages(t)
	links := 0
	for _, p := range all {
		for i, line := range p.lines {
			for _, m := range pageLink.FindAllStringSubmatch(inlineCode.ReplaceAllString(line, "x"), -1) {
				target := m[1]
				if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
					continue
				}
				links++
				file, fragment, _ := strings.Cut(target, "#")
				name := p.name
				if file != "" {
					name = filepath.Join(filepath.Dir(p.name), file)
				}
				if _, err := os.Stat(name); err != nil {
					t.Errorf("%s:%d: link to %s: %v", p.name, i+1, target, err)
					continue
				}
				if fragment == "" {
					continue
				}
				at := slices.IndexFunc(all, func(p page) bool { return p.name == name })
				if at < 0 || !slices.Contains(all[at].anchors(), fragment) {
					t.Errorf("%s:%d: link to %s: the page has no such heading", p.name, i+1, target)
				}
			}
		}
	}
	if links < 50 {
		t.Errorf("found %d links", links)
	}
}

// The changelog, whose entries stay as they were written.
var unread = []string{"CHANGELOG.md"}

// The pages use the field's words, in lines that fit a terminal.
func TestPageProse(t *testing.T) {
	words := regexp.MustCompile(`(?i)\b(folders?|whoever|whomever|roster|last words|what it is that)\b`)
	for _, p := range pages(t) {
		if slices.Contains(unread, p.name) {
			continue
		}
		for i, line := range p.lines {
			if word := words.FindString(inlineCode.ReplaceAllString(line, "x")); word != "" {
				t.Errorf("%s:%d: %q: say it in the field's words", p.name, i+1, word)
			}
			table, code := strings.HasPrefix(line, "|"), strings.HasPrefix(line, "    ")
			if n := utf8.RuneCountInString(line); n > 120 && !table && !code {
				t.Errorf("%s:%d: %d columns of prose; the bound is 120", p.name, i+1, n)
			}
		}
	}
}
