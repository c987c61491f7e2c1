package yaml

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mcollective/internal/waittest"
)

var local = Limits{Aliases: true}

// refused are the documents that Ruby reads and we do not.
var refused = map[string]string{
	"? [a]\n: b\n":             "a list as a name",
	"a: !!omap [a: 1]\n":       "an ordered map",
	"%YAML 1.2\n---\na: yes\n": "the library takes only %YAML 1.1",
}

func TestTextIsRubys(t *testing.T) {
	data, err := os.ReadFile("testdata/psych.json")
	if err != nil {
		t.Fatal(err)
	}
	var table [][2]json.RawMessage
	if err := json.Unmarshal(data, &table); err != nil {
		t.Fatal(err)
	}
	for _, row := range table {
		var doc string
		if err := json.Unmarshal(row[0], &doc); err != nil {
			t.Fatal(err)
		}
		compare(t, doc, row[1])
	}
}

// compare reads doc and checks the outcome against Ruby's.
func compare(t *testing.T, doc string, ruby json.RawMessage) {
	t.Helper()
	got, err := Text([]byte(doc), local)
	if string(ruby) == `"syntax"` {
		return // our library has a wider view of the syntax in places
	}
	var want *struct{ Value any }
	if err := json.Unmarshal(ruby, &want); err != nil {
		t.Fatal(err)
	}
	if refused[doc] != "" {
		if err == nil {
			t.Errorf("%q is read now: %v", doc, got)
		}
		return
	}
	switch {
	case want == nil && err == nil:
		t.Errorf("%q is read as %q; Ruby refuses it", doc, got)
	case want != nil && err != nil:
		t.Errorf("%q: %v; Ruby reads %q", doc, err, want.Value)
	case want != nil:
		if got == nil && (want.Value == "false" || want.Value == "") {
			return // Ruby's values of an empty document
		}
		if d := cmp.Diff(want.Value, got); d != "" {
			t.Errorf("%q: (-ruby +ours)\n%s", doc, d)
		}
	}
}

// Random scalars of the signs that numbers, times and words are made of.
func TestTextAgainstRuby(t *testing.T) {
	if testing.Short() {
		t.Skip("runs Ruby")
	}
	ruby, err := exec.LookPath("ruby")
	if err != nil {
		t.Skip("there is no Ruby here")
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	docs := make([]string, 8000)
	for i := range docs {
		signs := []string{"0123456789.:-+_,eE", "01:5.", "0x1fb_,", "+-.einfaINF", "yesnotruflTf~", ":\"'ab1 ", "2019-20T:Z. +", "é%/a1 -.:"}[i%8]
		runes := []rune(signs)
		n := 1 + rnd.IntN(10)
		var b strings.Builder
		for range n {
			b.WriteRune(runes[rnd.IntN(len(runes))])
		}
		docs[i] = "- " + b.String() + "\n"
		if i%16 >= 8 && strings.HasPrefix(signs, "2019") {
			docs[i] = "- 2019-01-2" + b.String() + "\n"
		}
	}
	in, err := json.Marshal(docs)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(waittest.Within(t, 5*time.Minute), ruby, "testdata/psych.rb")
	cmd.Stdin = bytes.NewReader(in)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	if len(lines) != len(docs) {
		t.Fatalf("%d answers to %d documents", len(lines), len(docs))
	}
	for i, doc := range docs {
		compare(t, doc, lines[i])
	}
}

func TestDatedText(t *testing.T) {
	got, err := DatedText([]byte("a: 2020-01-02\nb: 2020-01-02 10:00:00 +2\nc: 1.10\n"), local)
	want := map[string]any{"a": "2020-01-02", "b": "2020-01-02 10:00:00 +2", "c": "1.1"}
	if d := cmp.Diff(any(want), got); d != "" || err != nil {
		t.Errorf("%v\n%s", err, d)
	}
}

func TestLimits(t *testing.T) {
	deep := strings.Repeat("[", 200) + strings.Repeat("]", 200)
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := byte('b'); c < 'k'; c++ {
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+string(c-1)+",", 10) + "]\n"
	}
	tests := []struct {
		name, doc string
		limits    Limits
	}{
		{"bytes", "a: bcd", Limits{Bytes: 5}},
		{"depth", deep, Limits{}},
		{"block depth", strings.Repeat("- ", 200) + "x", Limits{}},
		{"nodes", "[1,2,3,4]", Limits{Nodes: 4}},
		{"alias bomb", bomb, Limits{Aliases: true, Nodes: 10000}},
		{"alias of itself", "a: &a [*a]", Limits{Aliases: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			start := time.Now()
			_, err := Text([]byte(tt.doc), tt.limits)
			if err == nil || !errors.Is(err, ErrLimit) && tt.name != "alias of itself" {
				t.Errorf("%s: error %v", tt.name, err)
			}
			if d := time.Since(start); d > 2*time.Second {
				t.Errorf("%s: refused after %v", tt.name, d)
			}
		})
	}
	if _, err := ParseNode([]byte("a: &x 1\nb: *x"), Limits{}); err == nil || !strings.Contains(err.Error(), "line 2: aliases are not allowed") {
		t.Errorf("aliases: %v", err)
	}
}

func TestUnmarshal(t *testing.T) {
	var v struct {
		Name string
		List []int
	}
	if err := Unmarshal([]byte("name: a\nlist: [1, 2]\n"), &v, Limits{}); err != nil || v.Name != "a" || len(v.List) != 2 {
		t.Errorf("%+v, %v", v, err)
	}
	if err := Unmarshal([]byte("nmae: a\n"), &v, Limits{}); err == nil || !strings.Contains(err.Error(), "nmae") {
		t.Errorf("an unknown field gives %v", err)
	}
	if err := Unmarshal([]byte("# nothing\n"), &v, Limits{}); err != nil {
		t.Errorf("an empty document gives %v", err)
	}
	out, err := Marshal(map[string]any{"a": []string{"yes", "b"}})
	if err != nil || string(out) != "a:\n- 'yes'\n- b\n" {
		t.Errorf("written as %q, %v", out, err)
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"a: 1\nb: [x, {c: ~}]", "&a [*a]", "a: !!binary xx", "? [a]\n: b", "%YAML 1.1\n---\n- 10:30.5\n", "{<<: {a: 1}}", ":\"a", "a: >\n  b\n\n  c"} {
		f.Add([]byte(s))
	}
	limits := Limits{Bytes: 1 << 16, Nodes: 10000, Aliases: true}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := Text(data, limits)
		if err == nil {
			onlyText(t, v)
		}
		if n, err := ParseNode(data, Limits{Bytes: 1 << 16}); err == nil && n != nil {
			noAlias(t, n)
		}
		var x any
		_ = Unmarshal(data, &x, Limits{Bytes: 1 << 16})
	})
}

func onlyText(t *testing.T, v any) {
	switch v := v.(type) {
	case nil, string:
	case []any:
		for _, e := range v {
			onlyText(t, e)
		}
	case map[string]any:
		for _, e := range v {
			onlyText(t, e)
		}
	default:
		t.Errorf("%T among the facts", v)
	}
}

func noAlias(t *testing.T, n *Node) {
	if n.Kind == AliasNode {
		t.Errorf("an alias in line %d", n.Line)
	}
	for _, c := range n.Content {
		noAlias(t, c)
	}
}

func BenchmarkText5000Facts(b *testing.B) {
	var doc bytes.Buffer
	for i := range 5000 {
		doc.WriteString("fact_" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + ": ")
		doc.WriteString([]string{"Debian", "12.10", "'quoted'", "true", "10.0.0.1", "1024"}[i%6] + "\n")
	}
	b.ReportAllocs()
	b.SetBytes(int64(doc.Len()))
	for b.Loop() {
		if _, err := Text(doc.Bytes(), local); err != nil {
			b.Fatal(err)
		}
	}
}
