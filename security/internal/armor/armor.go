// Package armor writes bytes in Base64 as Ruby does: in lines of 60 characters, each
// with a newline behind it.
package armor

import (
	"encoding/base64"
	"errors"
	"strings"
)

const line = 60

// Encode writes bytes.
func Encode(data []byte) string {
	text := base64.StdEncoding.EncodeToString(data)
	var b strings.Builder
	b.Grow(len(text) + len(text)/line + 1)
	for len(text) > line {
		b.WriteString(text[:line])
		b.WriteByte('\n')
		text = text[line:]
	}
	if text != "" {
		b.WriteString(text)
		b.WriteByte('\n')
	}
	return b.String()
}

var errNotBase64 = errors.New("it is not Base64")

// Decode reads what Encode writes, wherever it has newlines, and nothing else: there is
// one text for each bytes but for these.
func Decode(text string) ([]byte, error) {
	if strings.IndexByte(text, '\r') >= 0 { // which the library passes over, too
		return nil, errNotBase64
	}
	data, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, errNotBase64
	}
	return data, nil
}
