package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rogpeppe/go-internal/txtar"

	"mcollective/internal/dirtest"
	"mcollective/internal/waittest"
)

// A session is one command of a page and what it prints.
type session struct {
	command string
	output  []string
}

// sessions are the console blocks of a page.
func sessions(page string) []session {
	var all []session
	inside := false
	for line := range strings.Lines(page) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```console"
		case inside && strings.HasPrefix(line, "$ "):
			all = append(all, session{command: line[2:]})
		case inside && len(all) > 0 && strings.TrimSpace(line) != "":
			all[len(all)-1].output = append(all[len(all)-1].output, line)
		}
	}
	return all
}

var (
	blanks = regexp.MustCompile(` +`)
	uptime = regexp.MustCompile(`(\d+ days?, )?\d+:\d\d`)
	amount = regexp.MustCompile(`[\d.]+ (ms|B|KB|MB|GB)`)
	counts = regexp.MustCompile(`([ =])\d+(\\\.\d+)?`) // and no digits in names
)

// pattern matches a line that says the same as the line of a page, where times
// and sizes may be others, and with them the width of columns.
func pattern(line string) string {
	// What stands for itself must not be taken for something else later on.
	const up, size = "\x00", "\x01"
	line = uptime.ReplaceAllString(line, up)
	line = amount.ReplaceAllString(line, size)
	line = regexp.QuoteMeta(strings.TrimRight(line, " "))
	if strings.HasPrefix(line, "     ") || strings.Contains(line, "replies max") || strings.Contains(line, "time=") {
		line = counts.ReplaceAllString(line, `${1}[\d.]+`)
	}
	line = blanks.ReplaceAllString(line, " +")
	line = strings.NewReplacer(up, `(\d+ days?, )?\d+:\d\d`, size, `[\d.]+ \w+`).Replace(line)
	return "^" + line + " *$"
}

// scenarioScript is a test script of a page. It begins with the comment of the
// collective and ends with its file "after".
func scenarioScript(collective *txtar.Archive, page string) (string, int) {
	var b strings.Builder
	b.Write(collective.Comment)
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	all := sessions(page)
	for _, s := range all {
		fmt.Fprintf(&b, "exec sh -c %s\n", quote(s.command))
		for _, line := range s.output {
			n := 0
			for _, other := range s.output {
				if regexp.MustCompile(pattern(line)).MatchString(other) {
					n++
				}
			}
			fmt.Fprintf(&b, "stdout -count=%d %s\n", n, quote(pattern(line)))
		}
		if len(s.output) == 0 {
			b.WriteString("! stdout .\n")
		} else {
			fmt.Fprintf(&b, "stdout -count=%d '^.*\\S.*$'\n", len(s.output))
		}
	}
	for _, f := range collective.Files {
		if f.Name == "after" {
			b.Write(f.Data)
		}
	}
	return b.String() + string(txtar.Format(&txtar.Archive{Files: collective.Files})), len(all)
}

// TestScenarios runs what docs/scenarios.md shows, on nodes in namespaces of their
// own, and compares what it prints.
func TestScenarios(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "scenarios.md"))
	if err != nil {
		t.Fatal(err)
	}
	collective, err := txtar.ParseFile(filepath.Join("testdata", "scenarios", "collective.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	script, commands := scenarioScript(collective, string(page))
	if titles := strings.Count(string(page), "\n## "); titles < 8 || commands < titles {
		t.Fatalf("the page has %d scenarios and %d commands", titles, commands)
	}
	if testing.Short() {
		t.Skip("starts a collective")
	}
	private := exec.CommandContext(waittest.Within(t, waittest.Patience), "unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
		"sh", "-c", "for at in /run /srv /etc/init.d; do mount -t tmpfs none $at || exit; done")
	if out, err := private.CombinedOutput(); err != nil {
		t.Skipf("nodes cannot have namespaces of their own here: %v\n%s", err, out)
	}
	file := filepath.Join(dirtest.New(t), "scenarios.txtar")
	if err := os.WriteFile(file, []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	params := scripts()
	params.Dir, params.Files, params.ContinueOnError = "", []string{file}, true
	testscript.Run(t, params)
}
