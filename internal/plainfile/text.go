package plainfile

import (
	"bytes"
	"errors"
	"fmt"
)

// ErrEncoding is the error of a text that is not UTF-8, by its byte order mark.
var ErrEncoding = errors.New("the text is UTF-16 or UTF-32; save it as UTF-8")

// Text is Read for the texts that people edit, decoded with DecodeText.
func Text(path string, most int64) ([]byte, error) {
	data, err := Read(path, most)
	if err != nil {
		return nil, err
	}
	if data, err = DecodeText(data); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}

// DecodeText returns a text without its byte order mark and with LF at the end of
// each line. It may return data itself.
//
// Editors, above all those of Windows, put the mark in front of a text and end its
// lines with CR LF. Taken as they are, the mark becomes a part of the first line,
// which then means nothing and is lost, and the CR a part of each value.
func DecodeText(data []byte) ([]byte, error) {
	for _, mark := range []string{"\xff\xfe", "\xfe\xff", "\x00\x00\xfe\xff"} {
		if bytes.HasPrefix(data, []byte(mark)) {
			return nil, ErrEncoding
		}
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if bytes.Contains(data, []byte("\r\n")) {
		data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	}
	return data, nil
}
