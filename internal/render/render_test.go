package render

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"mcollective/client"
	"mcollective/ddl"
	"mcollective/internal/safetext"
	"mcollective/internal/subtest"
	"mcollective/internal/yaml"
	"mcollective/marshal"
	"mcollective/message"
	"mcollective/rpc"
	"mcollective/value"
)

func answer(sender string, r *rpc.Reply) client.Answer {
	return client.Answer{Reply: &message.Reply{Sender: sender}, RPC: r, Outcome: client.OK}
}

func TestOptionsThatCannotBe(t *testing.T) {
	action := &ddl.Action{Name: "play", Outputs: []*ddl.Output{{Name: "fact"}, {Name: "value"}}}
	for _, test := range []struct {
		o    Options
		want string
	}{
		{Options{Format: "xml"}, `unknown output format "xml"; there are classic`},
		{Options{Fields: []string{"fcat"}}, `the action play has no output "fcat"; it has fact, value`},
		{Options{JQ: ".a |"}, `the jq program ".a |" cannot be read`},
		{Options{JQ: "nosuch"}, `the jq program "nosuch": function not defined: nosuch/0`},
		{Options{JQ: ".", Format: Table}, "a jq program makes JSON, which --output table cannot show"},
	} {
		t.Run(subtest.Name(test.o), func(t *testing.T) {
			if _, err := New(test.o, "stage", "play", action); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%+v: %v", test.o, err)
			}
		})
	}
}

// TestStreaming sees that the formats that need not wait do not.
func TestStreaming(t *testing.T) {
	for _, o := range []Options{{Format: Classic}, {Format: JSON}, {Format: JSONL}, {Format: CSV}, {Format: YAML}, {Format: Name}, {JQ: ".sender"}} {
		var out bytes.Buffer
		o.Out = &out
		r, err := New(o, "stage", "play", fleet().action())
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			before := out.Len()
			r.Add(answer(fmt.Sprintf("node%d", i), succeeded("fact", "os")))
			r.Flush()
			if !strings.Contains(out.String()[before:], fmt.Sprintf("node%d", i)) {
				t.Errorf("%s %s: answer %d waits", o.Format, o.JQ, i)
			}
		}
	}
}

func TestProgressBar(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(0, 0)
	r, err := New(Options{Out: &out, Terminal: true, Width: 64, Progress: true, Now: func() time.Time { return now }}, "stage", "play", fleet().action())
	if err != nil {
		t.Fatal(err)
	}
	step := func(after time.Duration, want string, do func()) {
		t.Helper()
		now = now.Add(after)
		out.Reset()
		if do(); out.String() != want {
			t.Errorf("drawn %q, want %q", out.String(), want)
		}
	}
	add := func() { r.Add(answer("a1", succeeded())) }
	step(0, "\r\x1b[K[                    ] 0/4  0.0s", func() { r.Expect(4) })
	step(50*time.Millisecond, "", add)
	step(60*time.Millisecond, "\r\x1b[K[==========          ] 2/4  0.1s", add)
	bad := answer("a2", refused(rpc.Aborted, "no"))
	bad.Outcome = client.Failed
	step(time.Second, "\r\x1b[K[===============     ] 3/4  1.1s  1 failed", func() { r.Add(bad) })
	step(time.Second, "\r\x1b[K[===============     ] 3/4  2.1s  1 failed", r.Flush)
	out.Reset()
	if err := r.Close(&client.Account{}, Stats{Discovered: 4}); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); !strings.HasPrefix(text, "\r\x1b[K2 nodes: ") && !strings.HasPrefix(text, "\r\x1b[Ka1") || strings.Count(text, "\x1b[K") != 1 {
		t.Errorf("the end is %q", text)
	}
}

// TestNobodyAsked is the end of a run for which nobody was found.
func TestNobodyAsked(t *testing.T) {
	for format, want := range map[Format]string{Folded: "", Table: "", JSON: "[]\n", JSONL: "", YAML: "[]\n", Name: "", CSV: "sender,statuscode,statusmsg,fact,value,tags\n", Classic: "\n\n"} {
		t.Run(subtest.Name(format), func(t *testing.T) {
			var out bytes.Buffer
			r, err := New(Options{Out: &out, Format: format}, "stage", "play", fleet().action())
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Close(nil, Stats{}); err != nil || out.String() != want {
				t.Errorf("%s: %q, %v", format, out.String(), err)
			}
		})
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	var out, said bytes.Buffer
	r, err := New(Options{Out: &out, Err: &said, Format: Name}, "stage", "play", nil)
	if err != nil {
		t.Fatal(err)
	}
	a := answer("bad\x1b", nil)
	a.Err = errors.New("the reply is a list, not a hash")
	r.Add(a)
	if err := r.Close(&client.Account{}, Stats{}); err != nil {
		t.Fatal(err)
	}
	if out.Len() > 0 || said.String() != "bad\\x1b: the answer cannot be shown: the reply is a list, not a hash\n" {
		t.Errorf("%q, %q", &out, &said)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestBrokenOutput(t *testing.T) {
	for _, format := range []Format{Classic, Folded, Table, Wide, JSON, JSONL, YAML, CSV, Name} {
		r, err := New(Options{Out: broken{}, Format: format, Progress: true}, "stage", "play", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Add(answer("a", succeeded("x", "y")))
		if err := r.Close(&client.Account{}, Stats{}); !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s: %v", format, err)
		}
	}
}

// TestRunawayJQ sees that a program without an end has one.
func TestRunawayJQ(t *testing.T) {
	var out, said bytes.Buffer
	r, err := New(Options{Out: &out, Err: &said, JQ: "range(1e9)"}, "stage", "play", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Add(answer("a", succeeded()))
	if !strings.HasPrefix(said.String(), "a: the jq program fails: more than ") {
		t.Errorf("said %q", &said)
	}
}

func TestYAMLReadsBack(t *testing.T) {
	var out bytes.Buffer
	r, err := New(Options{Out: &out, Format: YAML}, "stage", "play", nil)
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{"yes", "1.10", "null", "a: b", "- x", "two\nlines\n", "\x00\x1b", "\u009b\u202e \U000e0001\x7f\ttab", "", " lead", "#", "é", "\xff", "2001-01-01", "0o7", "~"}
	for _, s := range texts {
		r.Add(answer("a", succeeded("text", s, "float", 1e20, "symbol", value.Symbol("on"))))
	}
	if err := r.Close(&client.Account{}, Stats{}); err != nil {
		t.Fatal(err)
	}
	var list []struct {
		Agent, Action, Sender, Statusmsg string
		Statuscode                       int
		Data                             struct {
			Text, Symbol string
			Float        float64
		}
	}
	if err := yaml.Unmarshal(out.Bytes(), &list, yaml.Limits{}); err != nil {
		t.Fatalf("%v in\n%s", err, &out)
	}
	for i, s := range texts {
		if got := list[i].Data; got.Text != strings.ToValidUTF8(s, "\uFFFD") || got.Symbol != "on" || got.Float != 1e20 {
			t.Errorf("%q came back as %+v", s, got)
		}
	}
}

// FuzzResults shows whatever bytes a node may send, in every format, on a
// terminal and into a pipe, which must get nothing that a terminal would obey.
func FuzzResults(f *testing.F) {
	for _, r := range append(fleet().replies, succeeded("x", value.Binary("\x1b\xff"), "y", []any{value.Symbol("\u009b"), 1.5, nil})) {
		dump, err := marshal.Marshal(r.Body())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(dump, "node\x1b1")
	}
	f.Fuzz(func(t *testing.T, dump []byte, sender string) {
		body, err := marshal.ReplyPolicy.Unmarshal(dump)
		if err != nil {
			return
		}
		reply, err := rpc.ParseReply(body)
		if err != nil {
			return
		}
		for _, o := range []Options{
			{Format: Classic}, {Format: Classic, Verbose: true}, {Format: Folded}, {Format: Table}, {Format: Wide}, {Format: JSON},
			{Format: JSONL}, {Format: YAML}, {Format: CSV}, {Format: Name}, {JQ: "., (.. | strings)"},
			{Format: Classic, Terminal: true}, {Format: Folded, Terminal: true}, {Format: Table, Terminal: true}, {Format: JSON, Terminal: true},
		} {
			var out, said bytes.Buffer
			o.Out, o.Err, o.Display = &out, &said, "all"
			action := &ddl.Action{Outputs: []*ddl.Output{{Name: "value"}}, Summaries: []*ddl.Summary{{Function: "summary", Output: "value"}}}
			r, err := New(o, "stage", "play", action)
			if err != nil {
				t.Fatal(err)
			}
			r.Add(answer(sender, reply))
			if err := r.Close(&client.Account{NoResponse: []string{sender}}, Stats{}); err != nil {
				t.Fatal(err)
			}
			for _, text := range []string{out.String(), said.String()} {
				if safetext.Clean(text) != text {
					t.Errorf("%s prints %q", o.Format, text)
				}
			}
		}
	})
}

// With Raw the bytes of nodes reach the output as they are.
func TestRaw(t *testing.T) {
	const evil = "a\x1b[2J\u202e\u009bb\x7f"
	for _, f := range []Format{Classic, Folded, Table, Wide, CSV, JSON, JSONL, YAML} {
		for _, raw := range []bool{false, true} {
			var out bytes.Buffer
			r, err := New(Options{Out: &out, Format: f, Raw: raw, Display: "all"}, "stage", "play", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Add(answer("web1", succeeded("value", evil)))
			if err := r.Close(&client.Account{}, Stats{}); err != nil {
				t.Fatal(err)
			}
			want := evil
			if f == JSON || f == JSONL {
				want = strings.ReplaceAll(evil, "\x1b", "\\u001b") // JSON has no other way
			}
			if f == YAML {
				want = "\u202e" // YAML escapes the others itself
			}
			if has := strings.Contains(out.String(), want); has != raw {
				t.Errorf("%s, raw %t: %q", f, raw, &out)
			}
			if text := out.String(); !raw && safetext.Clean(text) != text {
				t.Errorf("%s prints %q", f, text)
			}
		}
	}
}

func ExampleResults() {
	action := &ddl.Action{Name: "get_fact", Display: ddl.DisplayAlways, Outputs: []*ddl.Output{{Name: "value", DisplayAs: "Value"}}}
	results, err := New(Options{Out: os.Stdout, Format: Folded}, "rpcutil", "get_fact", action)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, node := range []string{"web1", "web2", "web3"} { // as they come from client.Run
		results.Add(answer(node, succeeded("value", "Debian")))
	}
	account := &client.Account{Total: 30 * time.Millisecond, Replies: 3}
	if err := results.Close(account, Stats{Discovered: 3}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 3 nodes: web[1-3]
	//    Value: Debian
	//
	// 3 nodes in 0.03 s: 3 ok
}
