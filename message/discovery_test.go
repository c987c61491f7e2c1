package message

import (
	"strings"
	"testing"
)

func TestStatedDefinition(t *testing.T) {
	hash := strings.Repeat("0123456789abcdef", 4)
	body := StateDefinition(hash)
	if got := StatedDefinition(body); got != hash[:hashDigits] || len(body) > len(Pong)+33 {
		t.Errorf("%q states %q", body, got)
	}
	if got := StateDefinition("abc"); got != Pong {
		t.Errorf("too short a hash is stated as %q", got)
	}
	for _, body := range []any{nil, 7, Pong, No, "", Pong + " ", Pong + hash, body + "0", strings.ToUpper(body),
		Pong + " " + strings.Repeat("g", hashDigits), Pong + " " + strings.Repeat(".", hashDigits), []any{body}} {
		if got := StatedDefinition(body); got != "" {
			t.Errorf("%q states %q", body, got)
		}
	}
}
