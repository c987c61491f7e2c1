package broker

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What strangers do wrong does not fill the disk, and that something is left out is said.
func TestComplaintsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		s := &sink{log: slog.New(slog.NewTextHandler(&out, nil))}
		for range 10 * complaintLines {
			s.Errorf("refused %s", strings.Repeat("x.", 2000))
		}
		if lines := strings.Count(out.String(), "\n"); lines != complaintLines || out.Len() > complaintLines*(complaintText+100) {
			t.Errorf("%d lines, %d bytes", lines, out.Len())
		}
		out.Reset()
		time.Sleep(complaintTime) // virtual
		s.Warnf("another")
		if got := out.String(); !strings.Contains(got, "left out") || !strings.Contains(got, "lines=1800") || !strings.Contains(got, "another") {
			t.Errorf("got %q", got)
		}
	})
}
