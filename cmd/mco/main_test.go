package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// The test binary plays the programs that the scripts call.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"mco":          main,
		"mcollectived": main,
		"mc-ping":      main,
	})
}

// TestScripts drives the real program. Each script has an empty folder as its
// HOME, so that no configuration of this machine counts.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			return nil
		},
	})
}
