package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"mcollective/internal/dirtest"
)

// measured are the parts of an output that differ from run to run.
var measured = regexp.MustCompile(`\d+\\\.\d\d`)

// readmeScript makes a test script of the README's console blocks, against a
// demo collective. A line that begins with "! " belongs to a command that fails,
// and to its standard error.
func readmeScript(readme string) (script string, commands int, err error) {
	var b strings.Builder
	b.WriteString("start config 'mco ping -c (\\S+)' mco demo --keep\n")
	inside := false
	var command string
	var output []string
	flush := func() {
		if command == "" {
			return
		}
		commands++
		failing := len(output) > 0 && strings.HasPrefix(output[0], "! ")
		if failing {
			b.WriteString("! ")
		}
		fmt.Fprintf(&b, "exec %s\n", command)
		lines := 0
		for _, line := range output {
			text, stderr := strings.CutPrefix(line, "! ")
			if strings.TrimSpace(text) == "" {
				continue
			}
			lines++
			pattern := measured.ReplaceAllString(regexp.QuoteMeta(strings.TrimRight(text, " ")), `[\d.]+`)
			pattern = strings.ReplaceAll(pattern, "'", "''")
			if stderr {
				fmt.Fprintf(&b, "stderr '%s'\n", pattern)
			} else {
				fmt.Fprintf(&b, "stdout -count=1 '^%s *[▁-▇]*$'\n", pattern)
			}
		}
		if !failing {
			fmt.Fprintf(&b, "stdout -count=%d '^.*\\S.*$'\n", lines)
		}
		command, output = "", nil
	}
	for line := range strings.Lines(readme) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == "```console":
			inside = true
		case strings.HasPrefix(line, "```"):
			flush()
			inside = false
		case inside && strings.HasPrefix(line, "$ "):
			flush()
			command = line[2:]
		case inside && command == "":
			return "", 0, fmt.Errorf("output without a command: %q", line)
		case inside:
			output = append(output, line)
		}
	}
	b.WriteString("quit config\n")
	return b.String(), commands, nil
}

// TestReadme runs the session of the README and compares what it prints.
func TestReadme(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a collective")
	}
	data, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	script, commands, err := readmeScript(string(data))
	if err != nil {
		t.Fatal(err)
	}
	if commands < 4 {
		t.Fatalf("the README shows %d commands; its session is gone", commands)
	}
	file := filepath.Join(dirtest.New(t), "readme.txtar")
	if err := os.WriteFile(file, []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	params := scripts()
	params.Dir, params.Files = "", []string{file}
	testscript.Run(t, params)
}
