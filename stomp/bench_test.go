package stomp_test

import (
	"bytes"
	"io"
	"os"
	"testing"

	"mcollective/stomp"
)

// loop gives the same bytes for ever.
type loop struct {
	data []byte
	at   int
}

func (l *loop) Read(p []byte) (int, error) {
	n := copy(p, l.data[l.at:])
	l.at = (l.at + n) % len(l.data)
	return n, nil
}

func recorded(b *testing.B, name string) []byte {
	data, err := os.ReadFile("testdata/session/" + name)
	if err != nil {
		b.Fatal(err)
	}
	return data
}

// go test -bench . ./stomp
func BenchmarkRead(b *testing.B) {
	data := recorded(b, "activemq-heartbeat/client-05-down-MESSAGE.frame")
	r := stomp.NewReader(&loop{data: bytes.Repeat(data, 100)}, stomp.V11, stomp.Limits{})
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	var f stomp.Frame
	for b.Loop() {
		if err := r.Read(&f); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	data := recorded(b, "activemq-heartbeat/client-04-up-SEND.frame")
	var f stomp.Frame
	if err := stomp.NewReader(bytes.NewReader(data), stomp.V11, stomp.Limits{}).Read(&f); err != nil {
		b.Fatal(err)
	}
	w := stomp.NewWriter(io.Discard, stomp.V11)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := w.WriteFrame(&f); err != nil {
			b.Fatal(err)
		}
	}
}
