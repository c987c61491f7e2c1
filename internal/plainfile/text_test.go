package plainfile_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mcollective/internal/dirtest"
	"mcollective/internal/plainfile"
	"mcollective/internal/subtest"
)

func TestDecodeText(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "",
		"a = b\n":                   "a = b\n",
		"\xef\xbb\xbfa = b\r\nc":    "a = b\nc",
		"\xef\xbb\xbf":              "",
		"\xef\xbb\xbf\xef\xbb\xbfa": "\xef\xbb\xbfa", // only the first is a mark
		"a\rb\r\r\n":                "a\rb\r\n",
		"\xff":                      "\xff",
	} {
		t.Run(subtest.Name(text), func(t *testing.T) {
			if got, err := plainfile.DecodeText([]byte(text)); err != nil || string(got) != want {
				t.Errorf("%q is decoded as %q, %v; want %q", text, got, err, want)
			}
		})
	}
	for _, text := range []string{"\xff\xfea\x00", "\xfe\xff\x00a", "\xff\xfe\x00\x00a\x00\x00\x00", "\x00\x00\xfe\xff\x00\x00\x00a"} {
		if got, err := plainfile.DecodeText([]byte(text)); !errors.Is(err, plainfile.ErrEncoding) {
			t.Errorf("%q is decoded as %q, %v", text, got, err)
		}
	}
}

func TestText(t *testing.T) {
	path := filepath.Join(dirtest.New(t), "text")
	for text, want := range map[string]string{"\xef\xbb\xbfa\r\n": "a\n", "\xff\xfea\x00": ""} {
		t.Run(subtest.Name(text), func(t *testing.T) {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := plainfile.Text(path, 6)
			if string(got) != want || (err == nil) != (want != "") || err != nil && (!errors.Is(err, plainfile.ErrEncoding) || !strings.Contains(err.Error(), path)) {
				t.Errorf("%q is read as %q, %v", text, got, err)
			}
		})
	}
	if _, err := plainfile.Text(path, 3); err == nil || !strings.Contains(err.Error(), "larger than 3 bytes") {
		t.Errorf("a larger file: %v", err)
	}
}

func FuzzDecodeText(f *testing.F) {
	f.Add([]byte("\xef\xbb\xbfa\r\n"))
	f.Add([]byte("\xff\xfea"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := plainfile.DecodeText(bytes.Clone(data))
		if err == nil && (bytes.Contains(got, []byte("\r\n")) && !bytes.Contains(data, []byte("\r\r\n")) || len(got) > len(data)) {
			t.Errorf("%q is decoded as %q", data, got)
		}
	})
}
