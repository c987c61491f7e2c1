package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"mcollective/internal/dirtest"
)

// The test binary plays the programs that the scripts call.
func TestMain(m *testing.M) {
	dirtest.Mask() // for what they write
	testscript.Main(m, map[string]func(){
		"mco":          play,
		"mcollectived": play,
		"mc-version":   play,
		"textnode":     textNode,
	})
}

// play is main, whose standard input is /dev/null where a script says so: that of
// its commands is always a pipe.
func play() {
	if os.Getenv("STDIN") == "null" {
		os.Stdin, _ = os.Open(os.DevNull)
	}
	main()
}

// TestScripts drives the real program. Each script has an empty directory as its
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
//
// $EXAMPLES is the directory of that name of this repository.
//
// Commands have /dev/null as their standard input. Where one is to read what the
// command stdin gives it, or an empty pipe, the script sets STDIN=pipe.
func TestScripts(t *testing.T) { testscript.Run(t, scripts()) }

func scripts() testscript.Params {
	return testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("STDIN", "null")
			examples, err := filepath.Abs("../../examples")
			if err != nil {
				return err
			}
			env.Setenv("EXAMPLES", examples)
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
