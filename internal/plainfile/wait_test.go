package plainfile

import (
	"errors"
	"os"
	"testing"
	"time"
)

// TestReadsEnd reads from a file whose reads wait. A pipe stands for /proc/kmsg, which calls itself a regular
// file, and from which a test would take messages that others wait for.
func TestReadsEnd(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	info, err := r.Stat()
	if err != nil {
		t.Fatal(err)
	}
	f := newFile(r, info)
	f.limit = 10 * time.Millisecond
	defer f.Close()
	w.WriteString("x")
	buf := make([]byte, 10)
	if n, err := f.Read(buf); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	for range 2 { // the time of each read begins anew
		if n, err := f.Read(buf); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%d, %v", n, err)
		}
	}
	w.WriteString("y")
	if n, err := f.Read(buf); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}
