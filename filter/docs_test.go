package filter

import (
	"os"
	"strings"
	"testing"
)

// docsBlocks returns the lines of the fenced blocks of docs/filters.md by their
// info string.
func docsBlocks(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../docs/filters.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := map[string][]string{}
	kind, inside := "", false
	for line := range strings.SplitSeq(string(text), "\n") {
		if info, ok := strings.CutPrefix(line, "```"); ok {
			kind, inside = info, !inside
			continue
		}
		if inside {
			blocks[kind] = append(blocks[kind], line)
		}
	}
	return blocks
}

func TestDocsExamples(t *testing.T) {
	blocks := docsBlocks(t)
	for kind, least := range map[string]int{"fact": 15, "compound": 25, "match": 10, "numeric": 5} {
		t.Run(kind, func(t *testing.T) {
			if len(blocks[kind]) < least {
				t.Errorf("%d examples of kind %s", len(blocks[kind]), kind)
			}
		})
	}
	check := func(line string, parse func(text string) (string, error)) {
		text, want, ok := strings.Cut(line, " => ")
		if i := strings.LastIndex(line, " => "); i > 0 {
			text, want = line[:i], line[i+4:]
		}
		text, want = strings.TrimSpace(text), strings.TrimSpace(want)
		got, err := parse(text)
		if msg, refused := strings.CutPrefix(want, "error: "); refused {
			if err == nil || !strings.Contains(err.Error(), msg) {
				t.Errorf("%s: %s, %v", line, got, err)
			}
		} else if !ok || got != want || err != nil {
			t.Errorf("%s: %s, %v", line, got, err)
		}
	}
	for _, line := range blocks["fact"] {
		check(line, func(text string) (string, error) {
			fact, err := ParseFact(text)
			return fact.Name + " " + fact.Operator + " " + fact.Value, err
		})
	}
	for _, line := range blocks["compound"] {
		check(line, func(text string) (string, error) {
			c, err := ParseCompound(text)
			return render(c), err
		})
	}
	for kind, rules := range map[string]Rules{"match": {}, "numeric": {Numeric: true}} {
		for _, line := range blocks[kind] {
			words := strings.Fields(line)
			want := map[string]any{"yes": true, "no": false, "log": nil}[words[3]]
			fact, err := ParseFact("f" + words[1] + words[2])
			if err != nil && words[2] != "[" {
				t.Fatal(err)
			}
			if err != nil {
				fact = Fact{"f", words[1], words[2]}
			}
			ok, err := matchFact(&testNode{facts: map[string]any{"f": words[0]}}, rules, fact.Name, fact.Operator, fact.Value)
			verdict(t, kind+": "+line, want, ok, err)
		}
	}
}
