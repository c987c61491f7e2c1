package outputs

import (
	"testing"

	"mcollective/internal/subtest"
)

func TestSizes(t *testing.T) {
	for n, want := range map[float64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KB", 1536: "1.5 KB", 1 << 40: "1.0 TB", 1 << 60: "1024.0 PB"} {
		t.Run(subtest.Name(n), func(t *testing.T) {
			if got := BytesText(n); got != want {
				t.Errorf("%v bytes: %s", n, got)
			}
		})
	}
}
