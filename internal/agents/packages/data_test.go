package packages

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"mcollective/internal/data"
)

func TestData(t *testing.T) {
	a := machine(t, "yum", &tools{answers: map[string][]answer{
		rpmQuery + "bash": {{out: "bash\t(none)\t5.1.8\t6.el9\tx86_64\n"}}, rpmQuery + "zsh": {{out: "package zsh is not installed\n", exit: 1}},
	}})
	d, err := NewData(a.opts)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]map[string]any{"bash": {"status": "5.1.8-6.el9", "installed": true}, "zsh": {"status": "purged", "installed": false}} {
		t.Run(name, func(t *testing.T) {
			got, err := data.NewSet(d).Data(t.Context(), "package", name)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Error(diff, err)
			}
		})
	}
}
