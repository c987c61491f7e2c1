package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mcollective/filter"
	"mcollective/internal/cli"
	"mcollective/internal/cli/commands"
	"mcollective/internal/shellwords"
)

// An example is one call of mco on a page.
type example struct {
	page, line string
	words      []string
}

// notOneCall are words that begin or separate other commands of a line.
var notOneCall = []string{"|", "||", "&&", "&", ";", ">", "2>"}

// examplesOf finds the calls of mco on a page: in lines of code and in spans of code.
// One with placeholders in angle or square brackets is a synopsis, and none.
func examplesOf(t *testing.T, page, text string) []example {
	t.Helper()
	var all []example
	add := func(line string) {
		if strings.ContainsAny(line, "[…") || regexp.MustCompile(`<[a-z]|\.\.\.`).MatchString(line) {
			return
		}
		words, err := shellwords.Split(line)
		if err != nil {
			t.Errorf("%s: %s: %v", page, line, err)
			return
		}
		for len(words) > 0 {
			end := slices.IndexFunc(words, func(w string) bool { return slices.Contains(notOneCall, w) })
			call, rest := words, []string(nil)
			if end >= 0 {
				call, rest = words[:end], words[end+1:]
			}
			if len(call) > 1 && call[0] == "mco" {
				all = append(all, example{page, line, call[1:]})
			}
			words = rest
		}
	}
	span := regexp.MustCompile("`(mco [^`]+)`")
	fenced, joined := false, ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
			continue
		}
		code, indented := strings.CutPrefix(line, "    ")
		if fenced || indented {
			code = strings.TrimPrefix(strings.TrimSpace(joined+code), "$ ")
			if joined = ""; strings.HasSuffix(code, `\`) {
				joined = strings.TrimSuffix(code, `\`)
			} else if strings.HasPrefix(code, "mco ") {
				code, _, _ = strings.Cut(code, "   #")
				add(code)
			}
			continue
		}
		for _, m := range span.FindAllStringSubmatch(line, -1) {
			add(m[1])
		}
	}
	return all
}

// Every call of mco on a page, and in a page of help, is one that mco takes: the command exists and has these
// options, and the filters can be read. What a page shows of a whole session is run, too:
// by TestReadme and TestScenarios.
func TestExamplesOfThePages(t *testing.T) {
	run := func(words ...string) (out, errs bytes.Buffer, code int) {
		code = commands.Main(words, &cli.Env{Out: &out, Err: &errs})
		return
	}
	list, _, _ := run("completion", "--list-applications")
	known := strings.Fields(list.String())
	pages := make(map[string]string)
	for _, name := range known {
		help, _, _ := run("help", name)
		_, examples, _ := strings.Cut(help.String(), "\nExamples\n")
		pages["mco help "+name], _, _ = strings.Cut(examples, "\n\n")
	}
	for _, root := range []string{"docs", "README.md", "examples", "dist", "interop", "CONTRIBUTING.md"} {
		err := filepath.WalkDir(filepath.Join("..", "..", root), func(path string, _ fs.DirEntry, err error) error {
			if err == nil && filepath.Ext(path) == ".md" {
				var text []byte
				text, err = os.ReadFile(path)
				pages[path] = string(text)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	calls := make(map[string]int)
	for page, text := range pages {
		for _, e := range examplesOf(t, page, text) {
			words := e.words
			switch name := words[0]; {
			case strings.HasPrefix(name, "-"), strings.ToUpper(name) == name:
				continue // mco --version, mco COMMAND
			case !slices.Contains(known, name):
				words = append([]string{"rpc"}, words...) // the name of an agent is a command
			}
			calls[page]++
			// With -h a command reads its options and does no more.
			out, errs, code := run(slices.Insert(slices.Clone(words), 1, "-h")...)
			if strings.Contains(errs.String(), "missing argument") && strings.HasPrefix(words[len(words)-1], "-") {
				continue // the page speaks of the option, as in mco find -F
			}
			if code != 0 || !strings.Contains(out.String(), "Usage: ") {
				t.Errorf("%s: %s: exits with %d: %s", page, e.line, code, errs.String())
			}
			checkFilters(t, e)
		}
	}
	total := 0
	for page, n := range calls {
		t.Logf("%s: %d calls", page, n)
		total += n
	}
	if total < 250 {
		t.Errorf("found %d calls of mco on %d pages", total, len(pages))
	}
}

func checkFilters(t *testing.T, e example) {
	t.Helper()
	for i := 0; i+1 < len(e.words); i++ {
		var err error
		switch value := e.words[i+1]; e.words[i] {
		case "-F", "--wf", "--with-fact":
			_, err = filter.ParseFact(value)
		case "-S", "--select":
			_, err = filter.ParseCompound(value)
		case "-W", "--with":
			_, _, err = filter.ParseWith(value)
		}
		if err != nil && !strings.Contains(err.Error(), "a name alone is no comparison") { // which the README shows
			t.Errorf("%s: %s: %v", e.page, e.line, err)
		}
	}
}
