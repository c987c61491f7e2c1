package ruby

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"mcollective/internal/waittest"
)

// capture is a host that keeps what is given to "show".
type capture struct{ shown []string }

func (c *capture) Has(name string) bool { return name == "show" || name == "run" }

func (c *capture) Call(call *Call) (any, bool, error) {
	switch call.Name {
	case "show":
		for _, a := range call.Args {
			c.shown = append(c.shown, call.ev.inspect(a))
			call.Plain(call.ev.inspect(a))
		}
		return nil, true, nil
	case "run":
		call.Yield()
		return nil, true, nil
	case "refuse":
		return nil, true, errRefused
	}
	return nil, false, nil
}

var errRefused = errors.New("refused")

// expressions reads testdata/expressions.rb: an expression begins at the start of
// a line that does not go on with what came before.
func expressions(t testing.TB) []string {
	t.Helper()
	data, err := os.ReadFile("testdata/expressions.rb")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	open := ""
	for line := range strings.Lines(string(data)) {
		switch {
		case strings.HasPrefix(line, "# ") && open == "":
			continue
		case open != "":
			all[len(all)-1] += line
			if strings.TrimSpace(line) == open {
				open = ""
				if strings.Contains(all[len(all)-1], "<<B") && !strings.HasSuffix(all[len(all)-1], "\nB\n") {
					open = "B"
				}
			}
			continue
		case strings.HasPrefix(line, " ") || strings.HasPrefix(line, "x [0]"):
			all[len(all)-1] += line
			continue
		}
		all = append(all, line)
		for _, label := range []string{"X", "A"} {
			for _, mark := range []string{"<<", "<<-", "<<~", "<<~'"} {
				if strings.Contains(line, mark+label) {
					open = label
				}
			}
		}
	}
	return all
}

func show(src string) (string, error) {
	h := &capture{}
	// The parentheses of a here document's line would stand behind its text.
	err := Eval("test.rb", []byte("it = begin\n"+src+"\nend\nshow it\n"), h)
	return strings.Join(h.shown, " "), err
}

func TestExpressions(t *testing.T) {
	golden, err := os.ReadFile("testdata/expressions.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSuffix(string(golden), "\n"), "\n")
	all := expressions(t)
	if len(all) != len(want) {
		t.Fatalf("%d expressions, %d results; write them anew with testdata/results.rb", len(all), len(want))
	}
	for i, src := range all {
		got, err := show(src)
		if err != nil {
			got = err.Error()
		}
		if got != want[i] {
			t.Errorf("%s  we:   %s\n  Ruby: %s", src, got, want[i])
		}
	}
}

// TestResultsAreRubys holds testdata/expressions.txt to what Ruby says.
func TestResultsAreRubys(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: starts Ruby")
	}
	if _, err := exec.LookPath("ruby"); err != nil {
		t.Skip("skipped: no Ruby here")
	}
	cmd := exec.CommandContext(waittest.Within(t, 5*time.Minute), "ruby", "-W0", "testdata/results.rb")
	cmd.Stdin = strings.NewReader(strings.Join(expressions(t), "\x00"))
	got, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("MCO_UPDATE") != "" {
		if err := os.WriteFile("testdata/expressions.txt", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, _ := os.ReadFile("testdata/expressions.txt")
	if !bytes.Equal(got, want) {
		t.Error("testdata/expressions.txt is not what Ruby says; MCO_UPDATE=1 writes it anew")
	}
}
