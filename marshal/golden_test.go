package marshal

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A vector is one dump by Ruby 3.1.
type vector struct {
	Name, Ruby, Hex string
	Parts           [][]any `json:"hex_parts"` // in place of Hex: [hex, times] to be joined
}

func (v vector) bytes(t testing.TB) []byte {
	t.Helper()
	h := v.Hex
	for _, p := range v.Parts {
		h += strings.Repeat(p[0].(string), int(p[1].(float64)))
	}
	b, err := hex.DecodeString(h)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func vectors(t testing.TB) []vector {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Count   int
		Vectors []vector
	}
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Vectors) != f.Count {
		t.Fatalf("%d vectors instead of %d", len(f.Vectors), f.Count)
	}
	return f.Vectors
}

// Everything that Ruby dumps goes through a Value byte for byte.
func TestGoldenValue(t *testing.T) {
	for _, v := range vectors(t) {
		in := v.bytes(t)
		x, err := DefaultPolicy.UnmarshalValue(in)
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
			continue
		}
		out, err := Marshal(x)
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
		} else if !bytes.Equal(in, out) {
			t.Errorf("%s:\n got %x\nwant %x", v.Name, out, in)
		}
	}
}

// lossy names the vectors that a tree of plain Go values cannot give back byte
// for byte, each with the reason.
func lossy(name string) string {
	switch name {
	case "str_usascii":
		return "US-ASCII becomes a Go string, which is written as UTF-8"
	case "link_string", "link_after_float", "link_after_fixnum", "link_after_symbol", "link_after_nil_true", "link_after_int31",
		"link_after_bignum", "link_int31_twice", "link_after_regexp", "link_after_binary", "link_after_class", "link_after_latin1",
		"link_two_latin1", "link_after_struct", "link_after_user_dump", "link_after_user_marshal", "link_after_time",
		"link_after_object", "link_hash_value", "link_frozen_hash_key":
		return "two references to one string become two equal strings"
	case "link_array":
		return "a shared slice is written twice"
	case "time_utc", "time_utc_nanos", "time_before_epoch":
		return "the zone is a US-ASCII string"
	case "recursive_array", "recursive_hash", "object_self_reference":
		return "refused"
	}
	return ""
}

func TestGoldenAny(t *testing.T) {
	for _, v := range vectors(t) {
		in := v.bytes(t)
		x, err := Unmarshal(in)
		why := lossy(v.Name)
		if why == "refused" {
			if err == nil {
				t.Errorf("%s: cycle accepted", v.Name)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
			continue
		}
		out, err := Marshal(x)
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
		} else if same := bytes.Equal(in, out); same == (why != "") {
			t.Errorf("%s: same bytes %v, expected otherwise (%s)\n got %x\nwant %x", v.Name, same, why, out, in)
		}
	}
}
