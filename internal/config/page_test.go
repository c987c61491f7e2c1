package config

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the tables of docs/configuration.md")

const page = "../../docs/configuration.md"

// table is a section as the page has it.
func (s section) table() string {
	var b strings.Builder
	b.WriteString("| Key | Read by | Default | Value | Meaning |\n|---|---|---|---|---|\n")
	for i := range s.rows {
		r := &s.rows[i]
		value, doc := r.value, r.doc
		if value == "" {
			value = "boolean"
		}
		if r.ours {
			doc = strings.TrimSuffix("**new**: "+doc, ": ")
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", r.name, r.by, r.shownDefault(), value, doc)
	}
	return b.String()
}

func (r *row) shownDefault() string {
	switch {
	case r.says != "":
		return r.says
	case r.def == "":
		return "none"
	case r.clientDef != "":
		return "`" + r.def + "`, for a client `" + r.clientDef + "`"
	}
	return "`" + r.def + "`"
}

// TestPage holds the tables of the page to the rows. After a change of a row, run
// go test ./internal/config -run TestPage -update
func TestPage(t *testing.T) {
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for _, list := range [][]section{mainSections, pluginSections} {
		for _, s := range list {
			mark := "<!-- keys: " + s.id + " -->\n"
			before, rest, ok := strings.Cut(text, mark)
			old, after, end := strings.Cut(rest, "\n\n")
			if !ok || !end {
				t.Fatalf("the page has no line %s with a table and an empty line behind it", mark)
			}
			if old += "\n"; old != s.table() && !*update {
				t.Errorf("the table %q is not that of the rows; run this test with -update", s.id)
			}
			text = before + mark + s.table() + "\n" + after
		}
	}
	if *update {
		if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDefaults reads the default of each key, which has to be one that a file could
// hold, and holds the rows to what goes together.
func TestDefaults(t *testing.T) {
	seen := map[string]bool{}
	for _, role := range []Role{Client, Server} {
		c := defaults(role)
		for _, r := range keys {
			if shown := r.show(c); r.def != "" && shown != r.def && (role == Server || shown != r.clientDef) {
				t.Errorf("%s: the default %q is read as %q", r.name, r.def, shown)
			}
		}
	}
	for _, list := range [][]section{mainSections, pluginSections} {
		for _, s := range list {
			for i := range s.rows {
				r := &s.rows[i]
				if seen[r.name] {
					t.Errorf("there are two rows for %s", r.name)
				}
				seen[r.name] = true
				isPlugin := strings.HasPrefix(r.name, "plugin.")
				switch {
				case r.doc == "" && r.name != "plugin.activemq.pool.N.port":
					t.Errorf("%s: nothing says what it does", r.name)
				case isPlugin == (r.field != nil) && !r.obsolete:
					t.Errorf("%s: only keys of the main file have a field", r.name)
				case isPlugin && r.public:
					t.Errorf("%s: settings of plugins are never public", r.name)
				case r.check != nil && r.def != "" && r.check(r.def) != nil:
					t.Errorf("%s: the default %q is refused: %v", r.name, r.def, r.check(r.def))
				case r.value == "secret" && !secret(strings.TrimPrefix(r.name, "plugin."), "x"):
					t.Errorf("%s: the secret is shown", r.name)
				case r.def != "" && r.says != "":
					t.Errorf("%s: the default is said twice", r.name)
				}
				if r := findRow(strings.NewReplacer("N.", "1.", "TYPE", "file", "AGENT", "mine", "*", "x").Replace(r.name)); r == nil || r.name != s.rows[i].name {
					t.Errorf("%s is not found by its name", s.rows[i].name)
				}
			}
		}
	}
}
