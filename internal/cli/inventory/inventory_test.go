package inventory

import (
	"testing"
	"text/template"

	"mcollective/internal/cli"
	"mcollective/internal/cli/clitest"
	"mcollective/value"
)

func TestDotIsEscaped(t *testing.T) {
	m := &membership{members: map[string][]string{`uk"; evil`: {`a\b`, "n\x1b"}}}
	want := "graph {\n   subgraph \"uk\\\"; evil\" {\n      \"a\\\\b\" -- \"uk\\\"; evil\"\n      \"n\\\\x1b\" -- \"uk\\\"; evil\"\n   }\n}\n"
	if got := m.dot(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestReportIsCleaned(t *testing.T) {
	stats := value.NewMap(value.Symbol("version"), "2\x1b[2J", value.Symbol("starttime"), "\x1b", value.Symbol("times"), "no hash")
	about := value.NewMap(value.Symbol("agents"), []any{"a\x1b"}, value.Symbol("classes"), []any{"c\x1b"},
		value.Symbol("facts"), value.NewMap("f\x1b", []any{"v\x1b"}), value.Symbol("collectives"), []any{"k\x1b"})
	n := newNodeReport("n", stats, about)
	clitest.Cleans(t, func(env *cli.Env) error { return n.print(env) })
	layout := template.Must(template.New("t").Parse(`{{.version}}`))
	clitest.Cleans(t, func(env *cli.Env) error { return n.fill(env, layout) })
}
