package lint_test

import (
	"os/exec"
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"mcollective/internal/lint"
)

// Each check has a package under testdata/src that says by comments what it reports.
func TestChecks(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("the checks need Go to load packages: ", err)
	}
	if testing.Short() {
		t.Skip("reads the standard library")
	}
	for _, a := range lint.Analyzers() {
		t.Run(a.Name, func(t *testing.T) { analysistest.Run(t, analysistest.TestData(), a, a.Name) })
	}
}
