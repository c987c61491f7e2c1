package overstomp

import (
	"encoding/base64"
	"fmt"
)

// lineLength is how long Ruby's lines of Base64 are.
const lineLength = 60

// encode64 writes Base64 in lines of 60, each with a line feed, as Ruby does.
func encode64(data []byte) []byte {
	const raw = lineLength / 4 * 3
	out := make([]byte, 0, base64.StdEncoding.EncodedLen(len(data))+len(data)/raw+1)
	for len(data) > 0 {
		n := min(len(data), raw)
		out = base64.StdEncoding.AppendEncode(out, data[:n])
		out = append(out, '\n')
		data = data[n:]
	}
	return out
}

// decode64 reads Base64 however it is broken into lines, padded or not.
func decode64(text []byte) ([]byte, error) {
	clean := make([]byte, 0, len(text))
	for _, c := range text {
		switch c {
		case '\n', '\r', ' ', '\t', '=':
		default:
			clean = append(clean, c)
		}
	}
	n, err := base64.RawStdEncoding.Decode(clean, clean)
	if err != nil {
		return nil, fmt.Errorf("body is not Base64: %w", err)
	}
	return clean[:n], nil
}
