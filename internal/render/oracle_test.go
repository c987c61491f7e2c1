package render

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mcollective/client"
	"mcollective/ddl"
	"mcollective/internal/waittest"
	"mcollective/marshal"
	"mcollective/message"
	"mcollective/rpc"
	"mcollective/value"
)

type sym = value.Symbol

// An oracle is a Ruby process with the installed MCollective in it.
type oracle struct {
	in  io.WriteCloser
	out io.Reader
}

func startOracle(t *testing.T) *oracle {
	t.Helper()
	if testing.Short() {
		t.Skip("compares with a live Ruby MCollective; not in -short")
	}
	ruby, err := exec.LookPath("ruby")
	if err != nil {
		t.Skip("no ruby in PATH: install Ruby 3.1 and MCollective (Debian packages ruby, mcollective-common) to compare with them")
	}
	cmd := exec.CommandContext(waittest.Within(t, 5*time.Minute), ruby, "-W0", "testdata/oracle.rb")
	cmd.Env = append(os.Environ(), "LANG=C.UTF-8", "TZ=UTC", "COLUMNS=")
	cmd.Stderr = os.Stderr
	o := &oracle{}
	if o.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if o.out, err = cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		o.in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("ruby: %v", err)
		}
	})
	var there [1]byte
	if _, err := io.ReadFull(o.out, there[:]); err != nil || there[0] != '+' {
		t.Skip("Ruby has no MCollective: install it (Debian package mcollective-common) to compare with it")
	}
	return o
}

// ask returns what Ruby prints for each case.
func (o *oracle) ask(t testing.TB, cases []any) []string {
	t.Helper()
	dump, err := marshal.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.in.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(dump))), dump...)); err != nil {
		t.Fatal(err)
	}
	var size [4]byte
	if _, err := io.ReadFull(o.out, size[:]); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(o.out, answer); err != nil {
		t.Fatal(err)
	}
	v, err := marshal.Unmarshal(answer)
	texts, ok := v.([]any)
	if err != nil || !ok {
		t.Fatalf("Ruby's answer is %T, %v", v, err)
	}
	list := make([]string, len(texts))
	for i, s := range texts {
		list[i], _ = rpc.Text(s)
	}
	return list
}

// TestAgainstRuby compares with what the installed Ruby MCollective prints.
func TestAgainstRuby(t *testing.T) {
	o := startOracle(t)
	for name, compare := range map[string]func(*testing.T, *oracle){
		"values": compareValues, "formats": compareFormats, "results": compareResults, "spinner": compareTwirl,
	} {
		t.Run(name, func(t *testing.T) { compare(t, o) })
	}
}

func ask(what string, v any) any { return value.NewMap(sym("ask"), what, sym("value"), v) }

// values are values of replies, of any depth.
func values() *rapid.Generator[any] {
	var deep func(int) *rapid.Generator[any]
	deep = func(depth int) *rapid.Generator[any] {
		list := []*rapid.Generator[any]{
			rapid.Just[any](nil), rapid.Map(rapid.Bool(), func(b bool) any { return b }),
			rapid.Map(rapid.Int64(), func(i int64) any { return i }),
			rapid.Map(rapid.Int64Range(-9, 99), func(i int64) any { return i }),
			rapid.Map(rapid.Int64(), func(i int64) any { return new(big.Int).Mul(big.NewInt(i), big.NewInt(1<<62)) }),
			rapid.Map(rapid.Float64(), func(f float64) any { return f }),
			rapid.Map(texts(), func(s string) any { return s }), rapid.Map(texts(), func(s string) any { return s }),
			rapid.Map(texts(), func(s string) any { return sym(s) }),
			rapid.Map(rapid.SampledFrom(symbols), func(s string) any { return sym(s) }),
		}
		if depth > 0 {
			list = append(list,
				rapid.Map(rapid.SliceOfN(deep(depth-1), 0, 8), func(l []any) any { return l }),
				rapid.Map(rapid.SliceOfN(deep(depth-1), 0, 12), func(l []any) any {
					h := value.NewMap()
					for i := 0; i+1 < len(l); i += 2 {
						h.Set(l[i], l[i+1])
					}
					return h
				}))
		}
		return rapid.OneOf(list...)
	}
	return deep(4)
}

var symbols = []string{"a", "b?", "c!", "d=", "e?=", "@f", "@@g", "$h", "$1", "$-w", "$-", "[]", "[]=", "+", "**", "9", "A=", "é?", "nil", "", "a b", "==", "=", "!", "!=", "&&", "$~", "$01"}

func texts() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`[a-z]{0,30}`), rapid.StringMatching("[a-f\n ]{0,20}"),
		rapid.StringOfN(rapid.RuneFrom([]rune("a#{$@\"\\\t\r\x1b\x00\x7f\u0080\u0085é日\u2028\u200b\U0001f600\ue000\n")), 0, 12, -1),
	)
}

func sample[T any](g *rapid.Generator[T], n int) []T { return rapid.SliceOfN(g, n, n).Example(1) }

func compareValues(t *testing.T, o *oracle) {
	list := sample(values(), 800)
	for _, f := range []float64{0, 1e-4, 1e-5, 9.99e-5, 1e14, 1e15, 1e16, 123456789012345680, 0.1, -2.5, 1e100, 5e-324} {
		list = append(list, f)
	}
	for c := range 256 {
		list = append(list, value.Binary([]byte{byte(c)}), string([]byte{byte(c), 'x'}))
	}
	for _, s := range symbols {
		list = append(list, sym(s))
	}
	for what, f := range map[string]func(any) string{
		"inspect": Inspect, "text": Text, "pretty": func(v any) string { return Pretty(v) + "\n" },
	} {
		t.Run(what, func(t *testing.T) {
			cases := make([]any, len(list))
			for i, v := range list {
				cases[i] = ask(what, v)
			}
			wrong := 0
			for i, want := range o.ask(t, cases) {
				if got := f(list[i]); got != want && wrong < 5 {
					wrong++
					t.Errorf("%s of %#v\n got %s\nwant %s", what, list[i], got, want)
				}
			}
		})
	}
}

func compareFormats(t *testing.T, o *oracle) {
	var cases []any
	type one struct {
		f    string
		args []any
	}
	var list []one
	for _, f := range []string{"%s", "%5s|", "%-5s|", "%d", "%05d", "%+d", "% d", "%i", "%u", "%f", "%.2f", "%8.1f|", "%-8.1f|", "%08.3f", "%e", "%g", "%.3g", "%G", "%x", "%X", "%o", "%b", "%p", "%.2s", "%%", "100%%: %s", "no verb", "%", "%z", "%2$s %1$s"} {
		for _, v := range []any{int64(0), int64(7), int64(255), 3.75, -3.75, 1e10, 0.0001, 123456789.0, "text", "12", "é", nil, true, sym("s"), []any{int64(1), "a"}, new(big.Int).Lsh(big.NewInt(3), 70)} {
			if n, ok := v.(float64); ok && n < 0 && strings.ContainsAny(f, "xXob") {
				continue // Ruby writes negative ones as ..fd
			}
			list = append(list, one{f, []any{v, "second"}})
			cases = append(cases, value.NewMap(sym("ask"), "format", sym("value"), f, sym("args"), []any{v, "second"}))
		}
	}
	for i, want := range o.ask(t, cases) {
		got, err := format(list[i].f, list[i].args)
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q %% %#v\n got %s\nwant %s", list[i].f, list[i].args, got, want)
		}
	}
}

// A scene is a run of an action as both sides show it.
type scene struct {
	display, force                       string
	verbose, color, progress, sort, json bool
	outputs                              [][2]string
	summaries                            []*ddl.Summary
	replies                              []*rpc.Reply
	senders                              []string
	silent, strangers                    []string
}

func (s scene) ruby() any {
	outputs := value.NewMap()
	for _, o := range s.outputs {
		outputs.Set(sym(o[0]), o[1])
	}
	var aggregate, results []any
	for _, d := range s.summaries {
		args := value.NewMap()
		for k, v := range d.Options {
			args.Set(sym(k), v)
		}
		if d.Format != "" {
			args.Set(sym("format"), d.Format)
		}
		aggregate = append(aggregate, []any{sym(d.Function), sym(d.Output), args})
	}
	for i, r := range s.replies {
		results = append(results, value.NewMap(sym("sender"), s.senders[i], sym("statuscode"), int64(r.Status), sym("statusmsg"), r.Message, sym("data"), r.Data))
	}
	what := "results"
	if s.json {
		what = "json"
	}
	return value.NewMap(sym("ask"), what, sym("agent"), "stage", sym("action"), "play", sym("display"), s.display, sym("force"), s.force,
		sym("verbose"), s.verbose, sym("color"), s.color, sym("progress"), s.progress, sym("sort"), s.sort,
		sym("outputs"), outputs, sym("aggregate"), append([]any{}, aggregate...), sym("results"), append([]any{}, results...),
		sym("discovered"), int64(s.discovered()), sym("silent"), list(s.silent), sym("strangers"), list(s.strangers))
}

func list(names []string) []any {
	out := []any{}
	for _, n := range names {
		out = append(out, n)
	}
	return out
}

func (s scene) discovered() int { return len(s.replies) + len(s.silent) - len(s.strangers) }

func (s scene) action() *ddl.Action {
	a := &ddl.Action{Name: "play", Display: ddl.Display(s.display), Summaries: s.summaries}
	for _, o := range s.outputs {
		a.Outputs = append(a.Outputs, &ddl.Output{Name: o[0], DisplayAs: o[1]})
	}
	return a
}

func (s scene) options() Options {
	o := Options{Format: Classic, Raw: true, Display: s.force, Verbose: s.verbose, Color: s.color, Progress: s.progress, Sort: s.sort}
	if s.json {
		o.Format, o.Progress = JSON, false
	}
	return o
}

// show is what we print for the scene.
func (s scene) show(t testing.TB, o Options) string {
	t.Helper()
	var out bytes.Buffer
	o.Out = &out
	r, err := New(o, "stage", "play", s.action())
	if err != nil {
		t.Fatal(err)
	}
	r.Expect(s.discovered())
	for i, reply := range s.replies {
		outcome := client.OK
		if reply.Status != 0 {
			outcome = client.Failed
		}
		r.Add(client.Answer{Reply: &message.Reply{Sender: s.senders[i]}, RPC: reply, Outcome: outcome})
	}
	if err := r.Close(s.account(), Stats{Discovered: s.discovered(), DiscoveryTime: 2 * time.Second}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func (s scene) account() *client.Account {
	a := &client.Account{
		Started: time.Unix(1700000000, 0).UTC(), Total: 1234560 * time.Microsecond, Replies: len(s.replies),
		NoResponse: s.silent, Unexpected: s.strangers, Outcomes: map[string]client.Outcome{}, Count: map[client.Outcome]int{},
	}
	for i, n := range s.senders {
		a.Outcomes[n] = client.OK
		if s.replies[i].Status != 0 {
			a.Outcomes[n] = client.Failed
		}
	}
	for i, n := range s.silent {
		a.Outcomes[n] = []client.Outcome{client.Unknown, client.TimedOut, client.Unreachable}[i%3]
	}
	for _, o := range a.Outcomes {
		a.Count[o]++
	}
	return a
}

// scenes are runs at random, within what Ruby prints without breaking.
func scenes() *rapid.Generator[scene] {
	return rapid.Custom(func(t *rapid.T) scene {
		s := scene{
			display: rapid.SampledFrom([]string{"ok", "failed", "always", "always"}).Draw(t, "display"),
			force:   rapid.SampledFrom([]string{"", "", "ok", "failed", "all"}).Draw(t, "force"),
			verbose: rapid.IntRange(0, 3).Draw(t, "verbose") == 0, color: rapid.Bool().Draw(t, "color"),
			progress: rapid.Bool().Draw(t, "progress"), sort: rapid.Bool().Draw(t, "sort"),
		}
		names := []string{"alpha", "beta", "gamma", "delta"}
		for _, n := range names[:rapid.IntRange(0, 4).Draw(t, "outputs")] {
			s.outputs = append(s.outputs, [2]string{n, rapid.SampledFrom([]string{"A", "Longer label", "Größe", "x y"}).Draw(t, "label")})
		}
		for i := range rapid.IntRange(1, 6).Draw(t, "replies") {
			r := rpc.NewReply()
			r.Status = rpc.Status(rapid.SampledFrom([]int{0, 0, 0, 1, 2, 3, 4, 5, 9}).Draw(t, "status"))
			if r.Status != 0 {
				r.Message = rapid.SampledFrom([]string{"no", "it broke\nbadly", "", "OK", "kaputt: größer"}).Draw(t, "message")
			}
			for _, n := range rapid.SliceOfNDistinct(rapid.SampledFrom(append(names, "undeclared", "z")), 0, 5, rapid.ID[string]).Draw(t, "data") {
				v := values().Draw(t, "value")
				for !jsonSafe(v) {
					v = values().Draw(t, "value")
				}
				r.Data.Set(sym(n), v)
			}
			s.replies = append(s.replies, r)
			s.senders = append(s.senders, fmt.Sprintf("%snode%d.example.net", strings.Repeat("long.", rapid.IntRange(0, 6).Draw(t, "long")), i))
		}
		for i := range rapid.IntRange(0, 7).Draw(t, "silent") {
			s.silent = append(s.silent, fmt.Sprintf("silent%d%s", i*7%5, strings.Repeat("x", rapid.SampledFrom([]int{0, 10, 40}).Draw(t, "x"))))
		}
		if len(s.replies) > 1 && rapid.Bool().Draw(t, "stranger") {
			s.strangers = []string{s.senders[0]}
		}
		return s
	})
}

// jsonSafe keeps away from what makes Ruby raise an exception in JSON.
func jsonSafe(v any) bool {
	text := Inspect(v)
	return !strings.Contains(text, "NaN") && !strings.Contains(text, "Infinity")
}

func compareResults(t *testing.T, o *oracle) {
	list := append(sample(scenes(), 250), fixedScenes()...)
	cases := make([]any, len(list))
	for i := range list {
		list[i].json = i%4 == 3
		if i%10 == 5 {
			list[i] = list[i].flat()
		}
		cases[i] = list[i].ruby()
	}
	wrong := 0
	for i, want := range o.ask(t, cases) {
		if got := list[i].show(t, list[i].options()); got != want && wrong < 3 {
			wrong++
			t.Errorf("%+v\n got %s\nwant %s", list[i], got, want)
		}
	}
}

func compareTwirl(t *testing.T, o *oracle) {
	for _, size := range []int{1, 7, 60} {
		for _, color := range []bool{false, true} {
			var out bytes.Buffer
			now := time.Unix(0, 0)
			w := newOutput(&out)
			p := newSpinner(&Options{Terminal: true, Width: size + 22, Color: color, Now: func() time.Time {
				now = now.Add(time.Second)
				return now
			}}, w)
			p.start(13)
			for range 13 {
				p.tick()
			}
			p.finish()
			want := o.ask(t, []any{value.NewMap(sym("ask"), "spinner", sym("size"), int64(size), sym("total"), int64(13), sym("color"), color)})[0]
			if got := strings.TrimPrefix(out.String(), "\n"); got != want {
				t.Errorf("size %d\n got %q\nwant %q", size, got, want)
			}
		}
	}
}

// flat makes all answers good enough for the display mode flatten, in which Ruby
// breaks on others.
func (s scene) flat() scene {
	s.display, s.force = "flatten", ""
	for i, r := range s.replies {
		s.replies[i] = &rpc.Reply{Status: r.Status & 1, Message: r.Message, Data: r.Data}
	}
	return s
}

// fixedScenes have summaries, whose values have to fit.
func fixedScenes() []scene {
	base := scene{display: "always", outputs: [][2]string{{"n", "Number"}, {"s", "State"}, {"l", "List"}}}
	for i, v := range [][]any{{int64(4), "up", []any{"a", "b"}}, {int64(6), "down", []any{"a"}}, {int64(8), "up", []any{}}, {2.0, "up", []any{"a", "b", int64(12)}}} {
		r := rpc.NewReply()
		r.Set("n", v[0])
		r.Set("s", v[1])
		r.Set("l", v[2])
		base.replies = append(base.replies, r)
		base.senders = append(base.senders, fmt.Sprintf("n%d", i))
	}
	var out []scene
	for _, d := range [][]*ddl.Summary{
		{{Function: "average", Output: "n"}}, {{Function: "sum", Output: "n"}, {Function: "summary", Output: "s"}},
		{{Function: "summary", Output: "s", Format: "%10s: %d nodes"}, {Function: "average", Output: "n", Format: "About %.1f"}},
		{{Function: "summary", Output: "l"}}, {{Function: "average", Output: "s"}}, {{Function: "nosuch", Output: "s"}},
		{{Function: "sum", Output: "missing"}}, {{Function: "sum", Output: "missing"}, {Function: "sum", Output: "n"}},
	} {
		for _, color := range []bool{false, true} {
			for _, verbose := range []bool{false, true} {
				for range 2 { // one of them will be JSON, or none
					s := base
					s.summaries, s.color, s.verbose = d, color, verbose
					out = append(out, s)
				}
			}
		}
	}
	return out
}
