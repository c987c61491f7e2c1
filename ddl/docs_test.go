package ddl

import (
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"mcollective/internal/yaml"
)

// TestDocumentation reads the examples of docs/ddl.md, and the error that it
// shows.
func TestDocumentation(t *testing.T) {
	text, err := os.ReadFile("../docs/ddl.md")
	if err != nil {
		t.Fatal(err)
	}
	schema := compiledSchema(t)
	var first string
	blocks := strings.Split(string(text), "```yaml\n")[1:]
	for _, block := range blocks {
		block, _, _ = strings.Cut(block, "```")
		file := strings.TrimPrefix(strings.SplitN(block, "\n", 2)[0], "# ")
		if first == "" {
			first = block
		}
		d, err := Parse(file, []byte(block))
		if err != nil {
			t.Error(err)
			continue
		}
		if d.Metadata.Agent+".yaml" != file {
			t.Errorf("%s defines %s", file, d.Metadata.Agent)
		}
		law(t, schema, d)
		againstSchema(t, schema, block)
	}
	if len(blocks) != 3 {
		t.Errorf("%d examples", len(blocks))
	}
	_, err = Parse("hello.yaml", []byte(strings.Replace(first, "description: Say", "descripton: Say", 1)))
	if err == nil || !strings.Contains(string(text), "\n"+err.Error()+"\n") {
		t.Errorf("the documentation does not show %q", err)
	}
	_, rest, _ := strings.Cut(string(text), "\nValidators: ")
	rest, _, _ = strings.Cut(rest, "and the types")
	for _, name := range validatorNames()[:13] {
		if !strings.Contains(rest, "`"+name+"`") {
			t.Errorf("the validator %s is not documented", name)
		}
	}
}

// againstSchema holds what people write, not only what we write, to the schema.
func againstSchema(t *testing.T, s *jsonschema.Schema, text string) {
	t.Helper()
	var doc any
	if err := yaml.Unmarshal([]byte(text), &doc, yaml.Limits{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(doc); err != nil {
		t.Errorf("%s\n%v", text, err)
	}
}
