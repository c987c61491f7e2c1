//go:build unix

package broker

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mcollective/internal/dirtest"
)

// TestConfigurationOfEverybody: who may write the file decides who may do what.
func TestConfigurationOfEverybody(t *testing.T) {
	file := filepath.Join(dirtest.New(t), "broker.conf")
	if err := os.WriteFile(file, []byte("listen: 127.0.0.1:-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{Config: file}); err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "chmod") {
		t.Errorf("a configuration that everybody may write: %v", err)
	}
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{Config: file}); err != nil {
		t.Errorf("a configuration of our own: %v", err)
	}
}
