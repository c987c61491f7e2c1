package facts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"mcollective/internal/run"
)

// grace is between TERM and KILL: a program that asks a package manager holds its lock.
const grace = 10 * time.Second

// output runs a program and returns what it prints, of which limit bytes are the most it may print. If it
// fails by itself, what it printed is returned beside the error.
func output(ctx context.Context, timeout time.Duration, limit int, path string, args ...string) ([]byte, error) {
	r, err := run.Run(ctx, run.Command{
		Path: path, Args: args, Env: environment(), Timeout: timeout, Grace: grace, MaxStdout: limit, MaxStderr: 512, Background: true, For: "facts",
	})
	switch {
	case errors.Is(err, run.ErrOutput):
		return nil, fmt.Errorf("prints more than %d bytes", limit)
	case errors.Is(err, run.ErrTimeout), errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, fmt.Errorf("did not end within %v", timeout)
	case err != nil:
		return nil, err
	case r.Signal != "":
		return r.Stdout, fmt.Errorf("signal: %s%s", r.Signal, firstLine(string(r.Stderr)))
	case r.Exit != 0:
		return r.Stdout, fmt.Errorf("exit status %d%s", r.Exit, firstLine(string(r.Stderr)))
	}
	return r.Stdout, nil
}

func firstLine(stderr string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(stderr), "\n")
	if line == "" {
		return ""
	}
	return ": " + line
}

// environment keeps the language of the daemon: Facter reads names in it that are not ASCII.
func environment() []string {
	env := []string{"LC_ALL=" + cmp.Or(os.Getenv("LC_ALL"), os.Getenv("LANG"), "C")}
	for _, name := range []string{"HOME", "LANG", "TZ", "USER", "LOGNAME"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}
