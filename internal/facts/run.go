package facts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"mcollective/internal/run"
)

// output runs a program without a shell and returns what it prints, of which
// limit bytes are the most it may print. The program gets nothing to read, a
// neutral folder and environment (secrets travel in the daemon's), and ends
// with everything it started when the time is up. If it fails by itself, what it
// printed is returned beside the error.
func output(ctx context.Context, timeout time.Duration, limit int, path string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = "/"
	cmd.Env = environment()
	cmd.WaitDelay = time.Second
	ownGroup(cmd)
	stdout := &bounded{limit: limit, full: cancel}
	stderr := &bounded{limit: 512}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	err := cmd.Run()
	run.Bury() // what it left is handed to this process
	switch {
	case stdout.over:
		return nil, fmt.Errorf("prints more than %d bytes", limit)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, fmt.Errorf("did not end within %v", timeout)
	case err != nil:
		return stdout.buf.Bytes(), fmt.Errorf("%w%s", err, firstLine(stderr.buf.String()))
	}
	return stdout.buf.Bytes(), nil
}

func firstLine(stderr string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(stderr), "\n")
	if line == "" {
		return ""
	}
	return ": " + line
}

func environment() []string {
	env := []string{"PATH=" + run.SearchPath}
	for _, name := range []string{"HOME", "LANG", "LC_ALL", "TZ", "USER", "LOGNAME"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// bounded keeps the first limit bytes and takes any number.
type bounded struct {
	buf   bytes.Buffer
	limit int
	over  bool
	full  func() // called when there is more; may be nil
}

func (b *bounded) Write(p []byte) (int, error) {
	if room := b.limit - b.buf.Len(); len(p) > room {
		b.buf.Write(p[:room])
		b.over = true
		if b.full != nil {
			b.full()
		}
		return len(p), nil
	}
	return b.buf.Write(p)
}
