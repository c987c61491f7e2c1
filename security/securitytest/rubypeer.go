package securitytest

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"mcollective/internal/waittest"
	"mcollective/security"
)

// A RubyPeer is a plugin of the real Ruby MCollective, behind pipes: a script that
// answers each line with one that begins with "ok" or "error".
type RubyPeer struct {
	t   testing.TB
	in  io.WriteCloser
	out *bufio.Reader
	err *bytes.Buffer
}

// NewRubyPeer starts Ruby with these arguments, or skips the test where there is none
// with MCollective.
func NewRubyPeer(t *testing.T, args ...string) *RubyPeer {
	t.Helper()
	if testing.Short() {
		t.Skip("starts Ruby")
	}
	if err := exec.CommandContext(waittest.Within(t, waittest.Patience), "ruby", "-e", `require "mcollective"`).Run(); err != nil {
		t.Skip("no ruby with mcollective here")
	}
	cmd := exec.CommandContext(waittest.Within(t, 5*time.Minute), "ruby", args...)
	p := &RubyPeer{t: t, err: new(bytes.Buffer)}
	p.in, _ = cmd.StdinPipe()
	stdout, _ := cmd.StdoutPipe()
	p.out, cmd.Stderr = bufio.NewReader(stdout), p.err
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("ruby: %v\n%s", err, p.err.String())
		}
	})
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
		t.Fatalf("%v\n%s", err, p.err.String())
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
