package render

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"mcollective/client"
	"mcollective/message"
	"mcollective/rpc"
	"mcollective/value"
)

// A meter counts what is written.
type meter struct{ n int }

func (m *meter) Write(p []byte) (int, error) { m.n += len(p); return len(p), nil }

// shows writes replies to out and what is said about them to errs.
func shows(t testing.TB, o Options, out, errs io.Writer, replies ...*value.Map) {
	t.Helper()
	o.Out, o.Err = out, errs
	r, err := New(o, "agent", "action", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, data := range replies {
		reply := rpc.NewReply()
		reply.Data = data
		r.Add(client.Answer{Reply: &message.Reply{Sender: fmt.Sprintf("n%d", i)}, RPC: reply, Outcome: client.OK})
	}
	if err := r.Close(&client.Account{}, Stats{}); err != nil {
		t.Fatal(err)
	}
}

// TestOneNodeCannotFillTheOutput: what is shown of a reply is no more than a bounded
// multiple of it, and it does not make the lines of others long.
func TestOneNodeCannotFillTheOutput(t *testing.T) {
	wide, lines := strings.Repeat("w", 100_000), strings.Repeat("\n.", 20_000)
	var few []*value.Map
	for range 100 {
		few = append(few, value.NewMap(sym("a"), "1", sym("b"), "2"))
	}
	many := value.NewMap()
	for i := range 900 {
		many.Pairs = append(many.Pairs, value.Pair{Key: sym(fmt.Sprint("k", i)), Value: strings.Repeat("v", 250)})
	}
	for name, replies := range map[string][]*value.Map{
		"long label":   {value.NewMap(sym(wide), "v", sym("x"), lines)},
		"long cell":    {value.NewMap(sym("a"), wide, sym("x"), lines)},
		"long row":     append([]*value.Map{value.NewMap(sym("a"), wide, sym("b"), "2")}, few...),
		"many columns": append([]*value.Map{many}, few...),
	} {
		t.Run(name, func(t *testing.T) {
			for _, format := range []Format{Classic, Folded, Table, Wide, CSV} {
				for _, terminal := range []bool{false, true} {
					m := &meter{}
					shows(t, Options{Format: format, Terminal: terminal}, m, m, replies...)
					if m.n > 2<<20 {
						t.Errorf("%s, %s, terminal %v: %d bytes", name, format, terminal, m.n)
					}
				}
			}
		})
	}
}

func TestAlignment(t *testing.T) {
	long := strings.Repeat("l", 200)
	var out bytes.Buffer
	shows(t, Options{Format: Classic}, &out, io.Discard, value.NewMap(sym(long), "1\n2", sym("b"), "3"))
	if want := "   " + long + ": 1\n" + blanks(205) + "2\n"; !strings.Contains(out.String(), want) {
		t.Errorf("a long label where there are few lines is aligned as in Ruby; got %q", &out)
	}
	out.Reset()
	shows(t, Options{Format: Classic}, &out, io.Discard, value.NewMap(sym(long), "1", sym("b"), strings.Repeat("x\n", 2000)))
	if want := "   " + long + ": 1\n"; !strings.Contains(out.String(), want) || !strings.Contains(out.String(), "\n"+blanks(69)+"x\n") {
		t.Errorf("got %.600q", &out)
	}
	out.Reset()
	shows(t, Options{Format: Table}, &out, io.Discard, value.NewMap(sym("a"), strings.Repeat("a", 300), sym("b"), "2"), value.NewMap(sym("a"), "1", sym("b"), strings.Repeat("x\n", 60)+"y"))
	if want := "n0    " + strings.Repeat("a", 300) + "  2\n" + "n1    1" + blanks(257) + strings.Repeat(`x\n`, 60) + "y\n"; !strings.HasSuffix(out.String(), want) {
		t.Errorf("got %q", &out)
	}
}

// TestManyOutputs: the time that a reply takes grows with its outputs, not with
// their square.
func TestManyOutputs(t *testing.T) {
	data := value.NewMap()
	for i := range 20_000 {
		data.Pairs = append(data.Pairs, value.Pair{Key: sym(fmt.Sprint("key", i)), Value: "1"})
	}
	for _, format := range []Format{CSV, Wide} {
		var out, errs bytes.Buffer
		shows(t, Options{Format: format}, &out, &errs, data, value.NewMap(sym("key999"), "last"), value.NewMap(sym("key1000"), "unseen"))
		if !strings.Contains(errs.String(), "more than 1000 outputs") || !strings.Contains(out.String(), "last") || strings.Contains(out.String(), "unseen") {
			t.Errorf("%s: %d bytes, and %q", format, out.Len(), &errs)
		}
	}
}
