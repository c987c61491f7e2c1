package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf16"

	"mcollective/internal/safetext"
)

// WriteJSON prints a list: indented to be read on a terminal, on one line for
// programs.
func WriteJSON[T any](env *Env, list []T) error {
	if list == nil {
		list = []T{}
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if env.OutTerminal {
		enc.SetIndent("", "  ")
	}
	if err := enc.Encode(list); err != nil {
		return fmt.Errorf("write the answers as JSON: %w", err)
	}
	_, err := env.Out.Write(escapeJSON(text.Bytes()))
	return err
}

// escapeJSON writes characters that a terminal would obey as \u escapes, which
// changes nothing for programs. JSON itself asks for that below the blank only.
func escapeJSON(text []byte) []byte {
	if !bytes.ContainsFunc(text, func(r rune) bool { return r != '\n' && safetext.Hostile(r) }) {
		return text
	}
	var b bytes.Buffer
	for _, r := range string(text) {
		switch {
		case r == '\n' || !safetext.Hostile(r):
			b.WriteRune(r)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, hi, lo)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.Bytes()
}
