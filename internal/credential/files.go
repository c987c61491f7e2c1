package credential

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"mcollective/internal/plainfile"
	"mcollective/internal/trust"
)

// readSecret reads a file that nobody else could have written or may read.
func readSecret(path string, most int64) ([]byte, error) {
	data, err := plainfile.Read(path, most)
	if err != nil {
		return nil, err
	}
	if err := trust.Secret(path); err != nil {
		return nil, err
	}
	return data, nil
}

// writeSecret replaces a file with one that only its owner may read. Anyone who reads it finds the old or the new one,
// also after a crash.
// WriteSecret replaces a file with one that only its owner may read.
func WriteSecret(path string, data []byte) error { return writeSecret(path, data) }

func writeSecret(path string, data []byte) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	if d, err := os.Open(dir); err == nil { // not everywhere can a directory be synced
		_ = d.Sync()
		d.Close()
	}
	return nil
}

// writeNew is writeSecret of a file that must not be there.
func writeNew(path string, data []byte) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = fmt.Errorf("%s is there already: %w", path, fs.ErrExist)
		}
		return err
	}
	return writeSecret(path, data)
}

// makeDir makes a directory for secrets, with those above it.
func makeDir(dir string) error { return os.MkdirAll(dir, 0o700) }
