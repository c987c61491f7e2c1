package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mcollective/internal/dirtest"
	"mcollective/internal/trust"
)

// TestTrust has a configuration, and then a file of plugin.d, that others may write to.
func TestTrust(t *testing.T) {
	dir := dirtest.New(t)
	if err := trust.Check(dir); err != nil {
		t.Fatal(err)
	}
	main, plugin := filepath.Join(dir, "server.cfg"), filepath.Join(dir, "plugin.d", "x.cfg")
	if err := os.Mkdir(filepath.Dir(plugin), 0o755); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{main: "identity = n\nplugin.psk = the secret of this one test\n", plugin: "a = b\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"", main, plugin} {
		if path != "" {
			if err := os.Chmod(path, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		_, err := Load(main, Server)
		if (err == nil) != (path == "") || err != nil && !strings.Contains(err.Error(), "run: chmod go-w "+path) {
			t.Errorf("%q: %v", path, err)
		}
		if path != "" {
			os.Chmod(path, 0o600)
		}
	}
	// What cannot be read may restrict: plugin.d that is no directory.
	os.RemoveAll(filepath.Dir(plugin))
	if err := os.WriteFile(filepath.Dir(plugin), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(main, Server); err == nil || !strings.Contains(err.Error(), filepath.Dir(plugin)) {
		t.Errorf("plugin.d that is a file: %v", err)
	}
}
