package armor

import (
	"bytes"
	"strings"
	"testing"

	"mcollective/internal/subtest"
)

func TestEncode(t *testing.T) {
	for n, want := range map[int]string{0: "", 1: "eA==\n", 45: strings.Repeat("eHh4", 15) + "\n", 46: strings.Repeat("eHh4", 15) + "\neA==\n"} {
		t.Run(subtest.Name(n), func(t *testing.T) {
			if got := Encode(bytes.Repeat([]byte("x"), n)); got != want {
				t.Errorf("%d bytes: %q, want %q", n, got, want)
			}
		})
	}
}

func TestDecode(t *testing.T) {
	for _, text := range []string{"%", "eA=", "eA", "eB==\n", "eA==\r\n", "eA== ", "eA==\neA==\n", "eA==x"} {
		if data, err := Decode(text); err == nil {
			t.Errorf("%q is read as %q", text, data)
		}
	}
}

func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("text"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if got, err := Decode(Encode(data)); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%q comes back as %q, %v", data, got, err)
		}
	})
}
