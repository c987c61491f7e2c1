package overstomp

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestBase64(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "data")
		text := encode64(data)
		for line := range strings.Lines(string(text)) {
			if len(line) > 61 || !strings.HasSuffix(line, "\n") {
				t.Fatalf("line %q", line)
			}
		}
		got, err := decode64(text)
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%x became %x, %v", data, got, err)
		}
	})
	// What other encoders make of "hello world".
	for _, text := range []string{"aGVsbG8gd29ybGQ=", "aGVsbG8gd29ybGQ", "aGVs\r\nbG8gd29ybGQ=\r\n", " aGVsbG8gd29ybGQ= "} {
		if got, err := decode64([]byte(text)); err != nil || string(got) != "hello world" {
			t.Errorf("%q is %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"a", "\x04\x08{", "aGVsbG8*"} {
		if got, err := decode64([]byte(text)); err == nil {
			t.Errorf("%q is %q", text, got)
		}
	}
}
