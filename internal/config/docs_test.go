package config

import (
	"os"
	"strings"
	"testing"
)

// The page docs/configuration.md and this package know the same keys, and the
// page's defaults are the real ones.
func TestPageNamesEveryKey(t *testing.T) {
	data, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	defaults, err := Load("", Server)
	if err != nil {
		t.Fatal(err)
	}
	page := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		cells := strings.Split(line, "|")
		if len(cells) != 6 || !strings.HasPrefix(cells[1], " `") {
			continue
		}
		name := strings.Trim(cells[1], " `")
		if page[name] {
			t.Errorf("the page has %s twice", name)
		}
		page[name] = true
		p, isPlugin := strings.CutPrefix(name, "plugin.")
		if isPlugin && findPluginKey(p) == nil || !isPlugin && findKey(name) == nil {
			t.Errorf("the page has a key that does not exist: %s", name)
		}
		said := strings.TrimSpace(cells[2])
		if n := len(said); !isPlugin && n > 2 && strings.Count(said, "`") == 2 && said[0] == '`' && said[n-1] == '`' {
			if got, _ := defaults.Get(name); got != strings.Trim(said, "`") {
				t.Errorf("the page says that %s is %s by default; it is %q", name, said, got)
			}
		}
	}
	for _, k := range keys {
		if !page[k.name] {
			t.Errorf("the page does not name %s", k.name)
		}
	}
	for _, k := range pluginKeys {
		if !page["plugin."+k.name] {
			t.Errorf("the page does not name plugin.%s", k.name)
		}
	}
	for _, name := range []string{"topicprefix", "topicsep", "queueprefix", "rpchelptemplate", "helptemplatedir"} {
		if !obsolete(name) || !strings.Contains(string(data), "`"+name+"`") {
			t.Errorf("%s: the page and the code do not agree that it is obsolete", name)
		}
	}
}
