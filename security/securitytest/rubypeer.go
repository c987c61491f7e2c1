package securitytest

import (
	"bufio"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"

	"mcollective/security"
)

// A RubyPeer is a plugin of the real Ruby MCollective, behind pipes: a script that
// answers each line with one that begins with "ok" or "error".
type RubyPeer struct {
	in  io.Writer
	out *bufio.Reader
}

// A Program is an *exec.Cmd that was not started.
type Program interface {
	StdinPipe() (io.WriteCloser, error)
	StdoutPipe() (io.ReadCloser, error)
	Start() error
	Wait() error
}

// NewRubyPeer starts a script, which says "ready" first, or "none" where there is no
// MCollective. The test is skipped then, and where there is no Ruby.
func NewRubyPeer(t testing.TB, script Program) *RubyPeer {
	t.Helper()
	p := &RubyPeer{}
	in, err := script.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := script.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.in, p.out = in, bufio.NewReader(out)
	if err := script.Start(); errors.Is(err, fs.ErrNotExist) || err != nil && strings.Contains(err.Error(), "executable file not found") {
		t.Skip("no ruby here")
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := script.Wait(); err != nil {
			t.Errorf("ruby: %v", err)
		}
	})
	switch line, err := p.out.ReadString('\n'); {
	case line == "none\n":
		t.Skip("no MCollective for ruby here")
	case line != "ready\n":
		t.Fatalf("ruby begins with %q, %v", line, err)
	}
	return p
}

// Ask gives Ruby a command with a payload, and returns the words of its answer and
// whether it was "ok".
func (p *RubyPeer) Ask(t testing.TB, command string, data []byte) (words []string, ok bool) {
	t.Helper()
	if _, err := io.WriteString(p.in, command+" "+base64.StdEncoding.EncodeToString(data)+"\n"); err != nil {
		t.Fatal(err)
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	words = strings.Fields(line)
	return words[1:], words[0] == "ok"
}

// Payload reads one of those words.
func Payload(t testing.TB, text string) security.Payload {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return security.Payload{Data: data}
}
