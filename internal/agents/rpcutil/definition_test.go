package rpcutil_test

import (
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mcollective/ddl"
	"mcollective/ddl/rubyddl"
	"mcollective/internal/agents/rpcutil"
)

// TestDefinitionIsRubys compares with the definition that Ruby MCollective has of
// the agent, where it is installed.
func TestDefinitionIsRubys(t *testing.T) {
	file := "/usr/lib/ruby/vendor_ruby/mcollective/agent/rpcutil.ddl"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Skipf("Ruby MCollective is not installed here: %v", err)
	}
	theirs, err := rubyddl.Parse(file, text)
	if err != nil {
		t.Fatal(err)
	}
	ours := *rpcutil.Definition()
	ours.Actions = slices.DeleteFunc(slices.Clone(ours.Actions), func(a *ddl.Action) bool { return a.Name == "get_ddl" })
	for _, a := range theirs.Actions {
		a.OtherInputs = false // a .ddl cannot say that an action takes no others, and these do nothing with them
	}
	if diff := cmp.Diff(theirs, &ours); diff != "" {
		t.Errorf("- theirs, + ours:\n%s", diff)
	}
}
