package service

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"mcollective/internal/data"
)

func TestData(t *testing.T) {
	a := machine(t, "run/systemd/system", &tools{answers: map[string][]answer{show: {{out: up}}}})
	d, err := NewData(a.opts)
	if err != nil {
		t.Fatal(err)
	}
	got, err := data.NewSet(d).Data(t.Context(), "service", "nginx")
	if diff := cmp.Diff(map[string]any{"status": "running", "enabled": "enabled"}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}
