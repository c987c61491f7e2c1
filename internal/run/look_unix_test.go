//go:build unix

package run

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"mcollective/internal/dirtest"
	"mcollective/internal/subtest"
	"mcollective/internal/trust"
)

// TestLookTrust has programs that others could change, which are found and refused.
func TestLookTrust(t *testing.T) {
	root := dirtest.New(t)
	for dir, mode := range map[string]os.FileMode{"good": 0o755, "open": 0o777} {
		path := filepath.Join(root, dir)
		if err := errors.Join(os.Mkdir(path, 0o755), os.WriteFile(filepath.Join(path, "x"), []byte("#!"+filepath.Join(path, "y")+"\n"), 0o755),
			os.WriteFile(filepath.Join(path, "y"), nil, 0o755), os.WriteFile(filepath.Join(path, "z"), nil, 0o755), os.Chmod(filepath.Join(path, "z"), 0o777), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, dir string
		trusted   bool
	}{{"x", "good", true}, {"y", "good", true}, {"z", "good", false}, {"x", "open", false}} {
		t.Run(subtest.Name(c.trusted), func(t *testing.T) {
			dirs := []string{filepath.Join(root, "none"), filepath.Join(root, c.dir), filepath.Join(root, "good")}
			path, err := look(c.name, dirs)
			if c.trusted && (err != nil || path != filepath.Join(root, c.dir, c.name)) || !c.trusted && !errors.As(err, new(*trust.Error)) {
				t.Errorf("%s in %s: %q, %v", c.name, c.dir, path, err)
			}
		})
	}
}
