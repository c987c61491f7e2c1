package stomp_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mcollective/stomp"
)

func read(t *testing.T, v stomp.Version, text string) (*stomp.Frame, error) {
	t.Helper()
	var f stomp.Frame
	err := stomp.NewReader(strings.NewReader(text), v, stomp.Limits{}).Read(&f)
	return &f, err
}

// TestRecordedSessions reads the frames of real peers and brokers and writes
// them again to the byte.
func TestRecordedSessions(t *testing.T) {
	files, err := filepath.Glob("testdata/session/*/*.frame")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d recorded frames, %v", len(files), err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		v := stomp.V10
		if strings.Contains(name, "heartbeat") {
			v = stomp.V11
		}
		r := stomp.NewReader(bytes.NewReader(data), v, stomp.Limits{})
		var f stomp.Frame
		if err := r.Read(&f); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !strings.Contains(name, f.Command) && !strings.Contains(name, "delivered") {
			t.Errorf("%s holds a frame %s", name, f.Command)
		}
		again, err := stomp.AppendFrame(nil, v, &f)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !bytes.Equal(again, bytes.TrimRight(data, "\n")) {
			t.Errorf("%s: read and written it is\n%q\nnot\n%q", name, again, data)
		}
		if err := r.Read(&f); err != io.EOF {
			t.Errorf("%s: after the frame: %v", name, err)
		}
	}
}

func TestReadFrame(t *testing.T) {
	h := func(pairs ...string) (h stomp.Header) {
		for i := 0; i < len(pairs); i += 2 {
			h = h.Add(pairs[i], pairs[i+1])
		}
		return h
	}
	tests := []struct {
		name string
		v    stomp.Version
		text string
		want stomp.Frame
	}{
		{"body to NUL", stomp.V11, "SEND\na:b\n\nhello\x00", stomp.Frame{Command: "SEND", Header: h("a", "b"), Body: []byte("hello")}},
		{"body with NULs", stomp.V11, "SEND\ncontent-length:5\n\na\x00b\x00c\x00", stomp.Frame{Command: "SEND", Header: h("content-length", "5"), Body: []byte("a\x00b\x00c")}},
		{"heart-beats before", stomp.V11, "\n\n\r\n\nRECEIPT\nreceipt-id:7\n\n\x00", stomp.Frame{Command: "RECEIPT", Header: h("receipt-id", "7")}},
		{"1.0 knows no escapes", stomp.V10, "SEND\na:x\\ny\\c:z\n\n\x00", stomp.Frame{Command: "SEND", Header: h("a", `x\ny\c:z`)}},
		{"1.0 ignores blanks around values", stomp.V10, "SEND\na: b \t\nc:\n\n\x00", stomp.Frame{Command: "SEND", Header: h("a", "b", "c", "")}},
		{"1.1 keeps blanks", stomp.V11, "SEND\n a: b \n\n\x00", stomp.Frame{Command: "SEND", Header: h(" a", " b ")}},
		{"1.1 escapes", stomp.V11, "SEND\nk\\cey:\\c\\n\\\\n\n\n\x00", stomp.Frame{Command: "SEND", Header: h("k:ey", ":\n\\n")}},
		{"1.1 carriage return is data", stomp.V11, "SEND\na:b\r\n\n\x00", stomp.Frame{Command: "SEND", Header: h("a", "b\r")}},
		{"1.2 escapes", stomp.V12, "SEND\na:\\r\\n\n\n\x00", stomp.Frame{Command: "SEND", Header: h("a", "\r\n")}},
		{"1.2 lines end in CR LF", stomp.V12, "SEND\r\na:b\r\n\r\nx\x00", stomp.Frame{Command: "SEND", Header: h("a", "b"), Body: []byte("x")}},
		{"CR LF before the version is settled", stomp.V10, "CONNECT\r\naccept-version:1.2\r\n\r\n\x00", stomp.Frame{Command: "CONNECT", Header: h("accept-version", "1.2")}},
		{"CONNECTED is never escaped", stomp.V12, "CONNECTED\nserver:a\\nb:c\n\n\x00", stomp.Frame{Command: "CONNECTED", Header: h("server", `a\nb:c`)}},
		{"repeated headers are kept in order", stomp.V11, "SEND\na:1\na:2\ncontent-length:1\ncontent-length:2\n\nx\x00", stomp.Frame{Command: "SEND", Header: h("a", "1", "a", "2", "content-length", "1", "content-length", "2"), Body: []byte("x")}},
		{"colon in a value", stomp.V11, "SEND\na:b:c\n\n\x00", stomp.Frame{Command: "SEND", Header: h("a", "b:c")}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := read(t, test.v, test.text)
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
				return
			}
			if len(got.Body) == 0 {
				got.Body = nil
			}
			if diff := cmp.Diff(&test.want, got); diff != "" {
				t.Errorf("%s: %s", test.name, diff)
			}
		})
	}
	f, err := read(t, stomp.V11, "SEND\na:1\na:2\n\n\x00")
	if err != nil || f.Header.Get("a") != "1" {
		t.Errorf("of repeated headers %q counts, %v", f.Header.Get("a"), err)
	}
}

func TestReadRefuses(t *testing.T) {
	tests := []struct {
		name string
		v    stomp.Version
		text string
	}{
		{"lower case command", stomp.V11, "send\n\n\x00"},
		{"other protocol", stomp.V11, "HTTP/1.1 400 Bad Request\r\n\r\n"},
		{"endless command", stomp.V11, strings.Repeat("A", 1<<20)},
		{"line without colon", stomp.V11, "SEND\nabc\n\n\x00"},
		{"header without name", stomp.V11, "SEND\n:x\n\n\x00"},
		{"NUL in the header", stomp.V11, "SEND\na:b\x00c\n\n\x00"},
		{"unknown escape", stomp.V11, "SEND\na:\\t\n\n\x00"},
		{"carriage return escape in 1.1", stomp.V11, "SEND\na:\\r\n\n\x00"},
		{"half an escape", stomp.V11, "SEND\na:\\\n\n\x00"},
		{"negative length", stomp.V11, "SEND\ncontent-length:-1\n\n\x00"},
		{"signed length", stomp.V11, "SEND\ncontent-length:+1\n\nx\x00"},
		{"length of no digits", stomp.V11, "SEND\ncontent-length:\n\nx\x00"},
		{"huge length", stomp.V11, "SEND\ncontent-length:99999999999999999999\n\nx\x00"},
		{"length too short", stomp.V11, "SEND\ncontent-length:1\n\nxy\x00"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := read(t, test.v, test.text)
			if e := (*stomp.SyntaxError)(nil); !errors.As(err, &e) {
				t.Errorf("%s: error %v, want a SyntaxError", test.name, err)
			}
		})
	}
	for _, text := range []string{"SEND", "SEND\na:b", "SEND\na:b\n", "SEND\n\nabc", "SEND\ncontent-length:5\n\nabc", "SEND\ncontent-length:3\n\nabc"} {
		if _, err := read(t, stomp.V11, text); err != io.ErrUnexpectedEOF {
			t.Errorf("%q: error %v, want io.ErrUnexpectedEOF", text, err)
		}
	}
	if _, err := read(t, stomp.V11, "\n\n"); err != io.EOF {
		t.Errorf("between frames: error %v, want io.EOF", err)
	}
}

// TestLargeHeaderIsSkipped has frames that others can make a broker hand on.
func TestLargeHeaderIsSkipped(t *testing.T) {
	for name, header := range map[string]string{
		"more than 128 fields":           strings.Repeat("a:b\n", 129),
		"a line of more than 65536 byte": "a:" + strings.Repeat("b", 64<<10) + "\n",
		"more than 65536 bytes":          strings.Repeat("a:"+strings.Repeat("b", 1000)+"\n", 70),
	} {
		t.Run(name, func(t *testing.T) {
			for _, body := range []string{"content-length:3\n\n\x00b\n\x00", "\nbc\x00", "content-length:0\n\n\x00", "\n\x00"} {
				r := stomp.NewReader(strings.NewReader("MESSAGE\n"+header+body+"\nRECEIPT\n\n\x00"), stomp.V11, stomp.Limits{})
				var f stomp.Frame
				err := r.Read(&f)
				if e := (*stomp.TooLargeError)(nil); !errors.As(err, &e) || !strings.Contains(err.Error(), name) || f.Command != "MESSAGE" || len(f.Header) != 0 {
					t.Fatalf("%s: error %v, frame %s", name, err, f.Command)
				}
				if err := r.Read(&f); err != nil || f.Command != "RECEIPT" {
					t.Errorf("%s: the next frame is %s, %v", name, f.Command, err)
				}
			}
		})
	}
}

func TestOversizeIsSkipped(t *testing.T) {
	big := strings.Repeat("x", 5000)
	for _, text := range []string{"SEND\ncontent-length:5000\n\n" + big + "\x00", "SEND\n\n" + big + "\x00"} {
		r := stomp.NewReader(strings.NewReader(text+"\nRECEIPT\n\n\x00"), stomp.V11, stomp.Limits{Body: 4999})
		var f stomp.Frame
		err := r.Read(&f)
		if e := (*stomp.TooLargeError)(nil); !errors.As(err, &e) || e.Size != 5000 || f.Command != "SEND" {
			t.Fatalf("error %v, frame %s", err, f.Command)
		}
		if err := r.Read(&f); err != nil || f.Command != "RECEIPT" {
			t.Errorf("the next frame is %s, %v", f.Command, err)
		}
	}
}

// TestClaimedLengthAllocatesNothing offers bodies that never come.
func TestClaimedLengthAllocatesNothing(t *testing.T) {
	text := "SEND\ncontent-length:1000000000\n\nabc"
	const rounds = 50
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range rounds {
		var f stomp.Frame
		if err := stomp.NewReader(strings.NewReader(text), stomp.V11, stomp.Limits{Body: 1 << 30}).Read(&f); err != io.ErrUnexpectedEOF {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	per := (after.TotalAlloc - before.TotalAlloc) / rounds
	if per > 64<<10 {
		t.Errorf("a claim of 1 GB cost %d bytes", per)
	}
}

func TestWriteRefuses(t *testing.T) {
	for _, v := range []stomp.Version{stomp.V10, stomp.V11, stomp.V12} {
		for _, f := range []stomp.Frame{
			{Command: "SEND", Header: stomp.Header{{Name: "a", Value: "b\x00c"}}},
			{Command: "SEND", Header: stomp.Header{{Name: "", Value: "b"}}},
			{Command: "CONNECT", Header: stomp.Header{{Name: "passcode", Value: "a\nlogin:root"}}},
		} {
			if out, err := stomp.AppendFrame([]byte("kept"), v, &f); err == nil || string(out) != "kept" {
				t.Errorf("%s wrote %q, %v", v, out, err)
			}
		}
	}
	for _, value := range []string{"a\nb:c", "a\rb"} {
		if _, err := stomp.AppendFrame(nil, stomp.V10, &stomp.Frame{Command: "SEND", Header: stomp.Header{{Name: "a", Value: value}}}); err == nil {
			t.Errorf("1.0 wrote the value %q", value)
		}
	}
	f := stomp.Frame{Command: "SEND", Header: stomp.Header{{Name: "content-length", Value: "99"}}, Body: []byte("abc")}
	if out, err := stomp.AppendFrame(nil, stomp.V11, &f); err != nil || string(out) != "SEND\ncontent-length:3\n\nabc\x00" {
		t.Errorf("a wrong content-length gives %q, %v", out, err)
	}
}
