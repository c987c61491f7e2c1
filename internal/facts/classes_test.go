package facts

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mcollective/internal/dirtest"
)

func TestClasses(t *testing.T) {
	path := filepath.Join(dirtest.New(t), "classes.txt")
	var log journal
	c := NewClasses(path, log.logger())
	for range 3 {
		c.Refresh()
	}
	if len(c.List()) != 0 {
		t.Errorf("classes without a file: %q", c.List())
	}
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("%d lines in the log: %s", n, log.String())
	}
	write(t, path, "\ufeffsettings\r\n\nrole::web\n with space \nlast", 0o644)
	c.next.Store(0) // as if a second had passed
	if d := cmp.Diff([]string{"settings", "role::web", " with space ", "last"}, c.List()); d != "" {
		t.Error(d)
	}
	if n := testing.AllocsPerRun(100, func() { c.List() }); n != 0 {
		t.Errorf("List allocates %v times", n)
	}
	old := c.List()
	os.Remove(path)
	if d := cmp.Diff(old, c.List()); d != "" {
		t.Error("the date is looked at more than once a second")
	}
	c.next.Store(0)
	if len(c.List()) != 0 {
		t.Errorf("classes of a file that is gone: %q", c.List())
	}
}
