package cli

import "testing"

func TestNearest(t *testing.T) {
	names := []string{"ping", "find", "completion", "help"}
	for in, want := range map[string]string{"pnig": "ping", "pings": "ping", "fnd": "find", "xyz": "", "compltion": "completion"} {
		if got := nearest(in, names); got != want {
			t.Errorf("nearest(%q) = %q, want %q", in, got, want)
		}
	}
}
