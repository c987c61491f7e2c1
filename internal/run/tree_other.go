//go:build !unix

package run

import (
	"errors"
	"os"
	"time"
)

// tree is a program; what it starts is not known.
type tree struct{ proc *os.Process }

func launch(path string, c *Command, files []*os.File) (*os.Process, *tree, error) {
	if c.Memory > 0 || c.Processes > 0 || c.Files > 0 || c.User != "" {
		return nil, nil, errors.New("limits, and running as another user, are not known on this system")
	}
	var env []string
	for _, name := range []string{"PATH", "SystemRoot", "TEMP", "TMP", "USERPROFILE", "COMSPEC", "PATHEXT"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	attr := &os.ProcAttr{Dir: c.Dir, Env: merge(env, c.Env), Files: files}
	proc, err := os.StartProcess(path, append([]string{path}, c.Args...), attr)
	if err != nil {
		return nil, nil, err
	}
	return proc, &tree{proc}, nil
}

func (t *tree) terminate() bool          { return false }
func (t *tree) kill()                    { t.proc.Kill() }
func (t *tree) alive() bool              { return false }
func (t *tree) keep()                    {}
func (t *tree) finish(time.Duration) int { return 0 }
func signalOf(*os.ProcessState) string   { return "" }
func seal(*os.File)                      {}
func scratch() (*os.File, error) {
	return nil, errors.New("leaving programs behind is not known on this system")
}
