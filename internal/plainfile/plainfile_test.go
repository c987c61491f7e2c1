package plainfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mcollective/internal/dirtest"
	"mcollective/internal/plainfile"
	"mcollective/internal/subtest"
)

func TestRead(t *testing.T) {
	dir := dirtest.New(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(os.WriteFile(at("file"), []byte("12345"), 0o600), os.WriteFile(at("empty"), nil, 0o600), os.Mkdir(at("dir"), 0o755)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, want string
		most       int64
		err        error
		text       string
	}{
		{name: "file", want: "12345", most: 5},
		{name: "file", most: 4, text: "larger than 4 bytes"},
		{name: "empty", most: 0},
		{name: "dir", most: 5, err: plainfile.ErrNotRegular},
		{name: "none", most: 5, err: fs.ErrNotExist},
		{name: "file\x00", most: 5, text: "invalid argument"},
	} {
		t.Run(subtest.Name(c.name, c.most), func(t *testing.T) {
			data, err := plainfile.Read(at(c.name), c.most)
			switch {
			case c.err == nil && c.text == "":
				if err != nil || string(data) != c.want {
					t.Errorf("%s: %q, %v", c.name, data, err)
				}
			case err == nil || c.err != nil && !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.text):
				t.Errorf("%s: %q, %v, want %v %s", c.name, data, err, c.err, c.text)
			}
		})
	}
}
