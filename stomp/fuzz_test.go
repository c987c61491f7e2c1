package stomp_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/iotest"

	"mcollective/stomp"
)

var versions = []stomp.Version{stomp.V10, stomp.V11, stomp.V12}

var small = stomp.Limits{Fields: 16, Header: 2000, Body: 4000}

// FuzzReader feeds arbitrary bytes, whole and one at a time. Nothing exceeds its
// bound, both ways give the same frames, and what is read is written again so
// that it reads the same.
func FuzzReader(f *testing.F) {
	files, _ := filepath.Glob("testdata/session/*/*.frame")
	for _, name := range files {
		if data, err := os.ReadFile(name); err == nil {
			f.Add(data, byte(len(name)))
		}
	}
	f.Add([]byte("SEND\r\na:\\r\\n\\c\\\\\r\ncontent-length:3\r\n\r\na\x00b\x00\n\nSEND\n\n\x00"), byte(2))
	f.Add([]byte("SEND\ncontent-length:5000\n\n"), byte(1))
	f.Fuzz(func(t *testing.T, data []byte, which byte) {
		v := versions[int(which)%len(versions)]
		whole := stomp.NewReader(bytes.NewReader(data), v, small)
		pieces := stomp.NewReader(iotest.OneByteReader(bytes.NewReader(data)), v, small)
		var a, b stomp.Frame
		for {
			errA, errB := whole.Read(&a), pieces.Read(&b)
			if (errA == nil) != (errB == nil) || errA != nil && errA.Error() != errB.Error() {
				t.Fatalf("whole: %v, in pieces: %v", errA, errB)
			}
			if errA == nil && (a.Command != b.Command || !slices.Equal(a.Header, b.Header) || !bytes.Equal(a.Body, b.Body)) {
				t.Fatalf("whole: %q, in pieces: %q", a, b)
			}
			if len(a.Header) > small.Fields || len(a.Body) > small.Body || len(a.Command) > 32 {
				t.Fatalf("out of bounds: %d fields, %d bytes", len(a.Header), len(a.Body))
			}
			var big *stomp.TooLargeError
			var syntax *stomp.SyntaxError
			switch {
			case errA == nil:
				again(t, v, &a)
			case errors.As(errA, &big):
			case errA == io.EOF || errA == io.ErrUnexpectedEOF || errors.As(errA, &syntax):
				return
			default:
				t.Fatalf("error %v", errA)
			}
		}
	})
}

func again(t *testing.T, v stomp.Version, f *stomp.Frame) {
	t.Helper()
	out, err := stomp.AppendFrame(nil, v, f)
	if err != nil {
		if hasCR(f) {
			return // read as data, refused on the way out
		}
		t.Fatalf("read %q and cannot write it: %v", f, err)
	}
	compare(t, v, f, out)
}

func hasCR(f *stomp.Frame) bool {
	return slices.ContainsFunc(f.Header, func(h stomp.Field) bool {
		return bytes.ContainsRune([]byte(h.Name+h.Value), '\r')
	})
}

// compare reads out and holds it against f.
func compare(t *testing.T, v stomp.Version, f *stomp.Frame, out []byte) {
	t.Helper()
	r := stomp.NewReader(bytes.NewReader(append(out, "\nRECEIPT\nreceipt-id:1\n\n\x00"...)), v, stomp.Limits{Header: 1 << 20, Body: 1 << 20})
	var g stomp.Frame
	if err := r.Read(&g); err != nil {
		t.Fatalf("%s wrote %q: %v", v, out, err)
	}
	rest := func(h stomp.Header) stomp.Header {
		return slices.DeleteFunc(slices.Clone(h), func(f stomp.Field) bool { return f.Name == "content-length" })
	}
	if g.Command != f.Command || !slices.Equal(rest(g.Header), rest(f.Header)) || !bytes.Equal(g.Body, f.Body) {
		t.Fatalf("%s: %q became %q", v, f, &g)
	}
	if err := r.Read(&g); err != nil || g.Command != stomp.Receipt {
		t.Fatalf("%s: %q swallowed the next frame: %v", v, out, err)
	}
}

// FuzzRoundTrip writes arbitrary names, values and bodies. What the writer takes
// reads as one frame with exactly these.
func FuzzRoundTrip(f *testing.F) {
	f.Add("destination", "/topic/a", "mc_sender", "x", []byte("body"), byte(0))
	f.Add("a:b", "c\\d\ne", "\r", "\\n", []byte("\x00\x00"), byte(2))
	f.Add("content-length", "7", "content-length", "9", []byte(nil), byte(1))
	f.Fuzz(func(t *testing.T, n1, v1, n2, v2 string, body []byte, which byte) {
		v := versions[int(which)%len(versions)]
		if v == stomp.V10 { // its reader ignores blanks around values
			v1, v2 = string(bytes.Trim([]byte(v1), " \t")), string(bytes.Trim([]byte(v2), " \t"))
		}
		for _, command := range []string{stomp.Send, stomp.Connect} {
			frame := &stomp.Frame{Command: command, Header: stomp.Header{{Name: n1, Value: v1}, {Name: n2, Value: v2}}, Body: body}
			out, err := stomp.AppendFrame(nil, v, frame)
			if err != nil {
				continue
			}
			compare(t, v, frame, out)
		}
	})
}
