package message

import (
	"fmt"
	"strings"

	"mcollective/internal/plaintext"
)

// Names become parts of topics, subjects, file paths and log lines, so each kind
// of name has one narrow alphabet, checked over the whole text. Ruby checks with
// anchors that also hold at a newline in the middle, which lets "uid=0\nroot" by.

const (
	maxCallerID   = 256
	maxIdentity   = 255
	maxAgent      = 64
	maxCollective = 128
	maxRequestID  = 128
)

// ValidCallerID reports what is wrong with a caller id, or nil. A caller id is
// KIND=VALUE, at most 256 bytes: KIND of ASCII letters, digits and underscores,
// VALUE of these and dots and dashes, but neither "." nor "..".
func ValidCallerID(id string) error {
	kind, value, found := strings.Cut(id, "=")
	switch {
	case len(id) > maxCallerID:
		return fmt.Errorf("caller id of %d bytes, at most %d are allowed", len(id), maxCallerID)
	case !found || !only(kind, ""):
		return fmt.Errorf("caller id %q is not of the form kind=value", clip(id))
	case !only(value, ".-") || value == "." || value == "..":
		return fmt.Errorf("caller id %q has a value with other characters than letters, digits, _ . -", clip(id))
	}
	return nil
}

// ValidIdentity reports what is wrong with the name of a node or client machine,
// or nil. It is 1 to 255 ASCII letters, digits, underscores, dots and dashes, but
// neither "." nor "..".
func ValidIdentity(name string) error {
	return check("identity", name, ".-", maxIdentity)
}

// ValidAgent reports what is wrong with the name of an agent, or nil. It is 1 to
// 64 ASCII letters, digits, underscores and dashes.
func ValidAgent(name string) error {
	return check("agent", name, "-", maxAgent)
}

// ValidCollective reports what is wrong with the name of a collective, or nil. It
// is 1 to 128 ASCII letters, digits, underscores and dashes, in parts that single
// dots may separate.
func ValidCollective(name string) error {
	if err := check("collective", name, ".-", maxCollective); err != nil {
		return err
	}
	if name[0] == '.' || name[len(name)-1] == '.' || strings.Contains(name, "..") {
		return fmt.Errorf("collective %q has an empty part between dots", name)
	}
	return nil
}

// ValidRequestID reports what is wrong with the id of a request, or nil. Ours are
// made by NewID; other clients may send any 1 to 128 printable ASCII characters
// without blanks.
func ValidRequestID(id string) error {
	if id == "" || len(id) > maxRequestID {
		return fmt.Errorf("request id of %d bytes, 1 to %d are allowed", len(id), maxRequestID)
	}
	for i := range len(id) {
		if id[i] <= ' ' || id[i] > '~' {
			return fmt.Errorf("request id %q has other characters than printable ASCII", id)
		}
	}
	return nil
}

func check(what, name, extra string, most int) error {
	switch {
	case name == "":
		return fmt.Errorf("%s is empty", what)
	case len(name) > most:
		return fmt.Errorf("%s of %d bytes, at most %d are allowed", what, len(name), most)
	case !only(name, extra) || name == "." || name == "..":
		return fmt.Errorf("%s %q has other characters than letters, digits, _ %s",
			what, name, strings.Join(strings.Split(extra, ""), " "))
	}
	return nil
}

// only reports whether s is not empty and has nothing but word characters and those
// of extra.
func only(s, extra string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_':
		case strings.IndexByte(extra, c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}

// clip keeps a refused text short enough for a log line.
func clip(s string) string { return plaintext.Clip(s, 64) }
