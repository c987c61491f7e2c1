package data_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mcollective/ddl/rubyddl"
	"mcollective/internal/data"
)

// TestDefinitionsAreRubys compares with the definitions that Ruby MCollective
// has, where it is installed. Theirs cannot say of which type an output is.
func TestDefinitionsAreRubys(t *testing.T) {
	for _, name := range data.BuiltInNames() {
		file := "/usr/lib/ruby/vendor_ruby/mcollective/data/" + name + "_data.ddl"
		text, err := os.ReadFile(file)
		if err != nil {
			t.Skipf("Ruby MCollective is not installed here: %v", err)
		}
		theirs, err := rubyddl.Parse(file, text)
		if err != nil {
			t.Fatal(err)
		}
		theirs.Metadata.Agent = strings.TrimSuffix(theirs.Metadata.Agent, "_data")
		types := cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "Query.Outputs.Type" }, cmp.Ignore())
		if diff := cmp.Diff(theirs, data.BuiltInDefinition(name), types); diff != "" {
			t.Errorf("%s: - theirs, + ours:\n%s", name, diff)
		}
	}
}
