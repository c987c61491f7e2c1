package process

import (
	"testing"

	"mcollective/internal/data"
	"mcollective/internal/subtest"
)

func TestData(t *testing.T) {
	d, err := NewData(Options{Proc: fixture(t)})
	if err != nil {
		t.Fatal(err)
	}
	set := data.NewSet(d)
	for pattern, want := range map[string]bool{"^web": true, `\[kthreadd\]`: true, "webb": false} {
		t.Run(subtest.Name(pattern), func(t *testing.T) {
			got, err := set.Data(t.Context(), "process", pattern)
			if err != nil || got["exists"] != want {
				t.Errorf("%s: %v, %v", pattern, got, err)
			}
		})
	}
	if got, err := set.Data(t.Context(), "process", "("); err == nil {
		t.Error(got)
	}
	if d.Active(t.Context()) == nil {
		t.Error("active without processes")
	}
}
