package commands

import (
	"slices"
	"testing"

	"mcollective/internal/cli"
	"mcollective/internal/cli/clitest"
)

// A command without a purpose would not be in help, and the text of the list is that of
// the page.
func TestTable(t *testing.T) {
	seen := make(map[string]bool)
	for _, c := range Program().Commands {
		if seen[c.Name] {
			t.Errorf("there are two commands %s", c.Name)
		}
		seen[c.Name] = true
		if !slices.Contains(cli.Purposes(), c.Purpose) {
			t.Errorf("%s: help has no purpose %q", c.Name, c.Purpose)
		}
		if got := c.New(clitest.Env(t)).Short; got != c.About {
			t.Errorf("%s: the list says %q, the page %q", c.Name, c.About, got)
		}
	}
}
