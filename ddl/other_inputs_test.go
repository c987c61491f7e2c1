package ddl

import (
	"strings"
	"testing"

	"mcollective/internal/subtest"
)

// An action takes other inputs than it declares if its definition says so. Of several
// nodes all must.
func TestOtherInputs(t *testing.T) {
	const open, closed = `{agent: web, actions: {a: {other_inputs: true}}}`, `{agent: web, actions: {a: {}}}`
	for _, tc := range []struct {
		file, text string
		want       bool
	}{
		{"web.yaml", open, true},
		{"web.yaml", closed, false},
		{"web.json", `{"agent": "web", "actions": {"a": {"other_inputs": false}}}`, false},
	} {
		t.Run(subtest.Name(tc.text), func(t *testing.T) {
			d, err := Parse(tc.file, []byte(tc.text))
			if err != nil {
				t.Fatal(err)
			}
			if got := d.Action("a").OtherInputs; got != tc.want {
				t.Errorf("%s: %s: %v", tc.file, tc.text, got)
			}
			text, err := d.YAML()
			if err != nil {
				t.Fatal(err)
			}
			if again, err := Parse("web.yaml", text); err != nil || again.Action("a").OtherInputs != tc.want {
				t.Errorf("%s becomes %s: %v", tc.file, text, err)
			}
		})
	}
	c := NewContract("web", nil)
	c.Learn(parse(t, open), []string{"n1", "n2"})
	if !c.Action("a").OtherInputs {
		t.Error("all nodes say so, and it does not count")
	}
	c.Learn(parse(t, closed), []string{"n3"})
	if c.Action("a").OtherInputs {
		t.Error("one node says otherwise, and that does not count")
	}
	if says := strings.Join(c.Differences("a"), "\n"); !strings.Contains(says, "it takes no other inputs") {
		t.Errorf("differences: %s", says)
	}
}
