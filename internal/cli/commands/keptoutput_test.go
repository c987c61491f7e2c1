package commands

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"mcollective/internal/cli"
	"mcollective/internal/cli/clitest"
)

// full is a file on a disk that is full.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// Output that is lost is no success, also of commands that do not look at each write.
func TestLostOutput(t *testing.T) {
	for _, words := range [][]string{{"help"}, {"version"}, {"completion", "bash"}, {"describe_filter", "-C", "web"}, {"ddl", "schema"}} {
		var errs bytes.Buffer
		env := clitest.Env(t)
		env.Out, env.Err = full{}, &errs
		if code := Main(words, env); code != cli.ExitFailed || !strings.Contains(errs.String(), "no space left on device") {
			t.Errorf("mco %q exits %d: %s", words, code, errs.String())
		}
		env.Out = &bytes.Buffer{}
		if code := Main(words, env); code != cli.ExitOK {
			t.Errorf("mco %q exits %d: %s", words, code, errs.String())
		}
	}
}
