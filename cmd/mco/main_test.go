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
		"mc-version":   main,
	})
}

// TestScripts drives the real program. Each script has an empty folder as its
// HOME, so that no configuration of this machine counts.
//
// Beside the commands of testscript there are:
//
//	start NAME PATTERN PROGRAM WORDS...  runs a program in the background until its
//	                                     output matches; sets $NAME to what the first
//	                                     group of the pattern matched
//	quit NAME                            ends it as a service manager would, and
//	                                     expects it to succeed
//	fill FILE...                         replaces $NAME in files
func TestScripts(t *testing.T) { testscript.Run(t, scripts()) }

func scripts() testscript.Params {
	return testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Values[daemonsKey{}] = make(daemons)
			env.Defer(func() { env.Values[daemonsKey{}].(daemons).kill() })
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"start": cmdStart,
			"quit":  cmdStop,
			"fill":  cmdFill,
		},
	}
}
