package wire

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"mcollective/internal/subtest"
	"mcollective/internal/waittest"
	"mcollective/value"
)

func TestYAMLScalars(t *testing.T) {
	for text, want := range map[string]any{
		"": nil, "~": nil, "null": nil, "Null": nil, "true": true, "Yes": true, "ON": true, "off": false, "NO": false, "nope": "nope",
		"0": int64(0), "-1": int64(-1), "+5": int64(5), "1.5": 1.5, "-.5": -0.5, "1.": 1.0, ".": ".", "1.0e+100": 1e100, "1.5e3": "1.5e3", "1e5": "1e5",
		":sym": sym("sym"), `:"a b"`: sym("a b"), ":'x'": sym("x"), `":x"`: ":x", "':x'": ":x", "a:b": "a:b", "=~": "=~", "089": "089", "1.2.3": "1.2.3",
		"a b": "a b", "'yes'": "yes", `"\u00fc\n"`: "ü\n", "|-\n  a\n  b": "a\nb", "|\n  a\n": "a\n", ">-\n  a\n  b": "a b", "!binary |-\n  AP8=": value.Binary("\x00\xff"),
		"!ruby/regexp /a\\/b/mi": value.NewRegexp(`a\/b`, 5), "!ruby/regexp '/x/'": value.NewRegexp("x", 0), "!ruby/symbol x y": sym("x y"), "!ruby/sym 1": sym("1"),
		"!!str 1": "1", "! 1": int64(1), `! ":a b"`: sym("a b"), "!!int 1": int64(1), "2020-02-31": "2020-02-31", "[]": []any{}, "{}": value.NewMap(),
		"[a, :b, 1]": []any{"a", sym("b"), int64(1)}, "\n- a\n-\n- :b: c": []any{"a", nil, value.NewMap(sym("b"), "c")},
		"{1: a, ~: b}": value.NewMap(int64(1), "a", nil, "b"), "!!str <<": "<<",
	} {
		t.Run(subtest.Name(text), func(t *testing.T) {
			got, err := decodeYAML([]byte("--- "+text+"\n"), limitsOf(replyBody))
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%q is %#v (%v), want %#v", text, got, err, want)
			}
		})
	}
	for _, text := range []string{"017", "0x1f", "0b1", "1_000", "1,000", "1,000.5", "1:30", "1:30.5", "2020-01-01", "2020-1-1 10:00:00", "2020-01-01T10:00:00Z",
		"&a x", "[&a x, *a]", "*a", "!ruby/object:Object {}", "!ruby/class String", "!ruby/struct:X {}", "!ruby/range 1..2", "!ruby/hash:X {}", "!ruby/array:X []",
		"!ruby/exception:X {}", "!foo x", "!ruby/regexp x", "!ruby/regexp /x/q", "!binary '%'", "{a: 1, a: 2}", "{[a]: 1}", "? [a]\n: 1", "{<<: {a: 1}}", "\x00", "a: b: c",
		"\xff", "[", "{", "\"", "a\r\nb", "- " + strings.Repeat("[", 100) + strings.Repeat("]", 100)} {
		if got, err := decodeYAML([]byte("--- "+text+"\n"), limitsOf(requestBody)); err == nil {
			t.Errorf("%q is taken as %#v", text, got)
		}
	}
	for _, text := range []string{"", "x", "{}", "# comment"} {
		if got, err := decodeYAML([]byte(text), limitsOf(requestBody)); err == nil {
			t.Errorf("document %q is taken as %#v", text, got)
		}
	}
	for _, text := range []string{".inf", "-.INF", ".nan"} {
		if _, err := decodeYAML([]byte("--- "+text), limitsOf(requestBody)); err == nil {
			t.Errorf("%s is taken in a request", text)
		}
		if got, err := decodeYAML([]byte("--- "+text), limitsOf(replyBody)); err != nil || finite(got.(float64)) {
			t.Errorf("%s is %v in a reply (%v)", text, got, err)
		}
	}
}

// TestRubysYAMLEnvelopes reads what Ruby's ssl plugin wrote in YAML, and compares
// with what an independent script found in it.
func TestRubysYAMLEnvelopes(t *testing.T) {
	files, _ := filepath.Glob("testdata/yaml/*.bin")
	if len(files) < 30 {
		t.Fatalf("%d captures", len(files))
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(strings.TrimSuffix(file, "bin") + "json")
		if err != nil {
			t.Fatal(err)
		}
		var want struct{ Envelope map[string]any }
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		var body string
		if strings.HasSuffix(file, ".request.bin") {
			r, err := YAML.DecodeRequest(data)
			if err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			h := r.Header
			tree, err := FilterTree(&h.Filter)
			if err != nil {
				t.Fatal(err)
			}
			got = map[string]any{":body": r.Body, ":senderid": h.Sender, ":requestid": h.ID, ":filter": tree, ":collective": h.Collective,
				":agent": h.Agent, ":callerid": h.Caller, ":ttl": h.TTL.Seconds(), ":msgtime": float64(h.Time.Unix()), ":hash": r.Hash}
			body = r.Body
			_, err = YAML.DecodeRequestBody(body)
			if err != nil {
				t.Errorf("%s: %v", file, err)
			}
		} else {
			r, err := YAML.DecodeReply(data)
			if err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			h := r.Header
			got = map[string]any{":body": r.Body, ":senderid": h.Sender, ":requestid": h.RequestID, ":senderagent": h.Agent,
				":msgtime": float64(h.Time.Unix()), ":hash": r.Hash}
			body = r.Body
			_, err = YAML.DecodeReplyBody(body)
			if err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
		for k, v := range got {
			got[k] = jsonView(v)
		}
		if !reflect.DeepEqual(got, want.Envelope) {
			t.Errorf("%s:\n%v\nwant\n%v", file, got, want.Envelope)
		}
	}
}

func jsonView(v any) any {
	switch v := v.(type) {
	case value.Symbol:
		return ":" + string(v)
	case *value.Regexp:
		return map[string]any{"!regexp": v.Source, "options": float64(v.Options & 7)}
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = jsonView(v[i])
		}
		return list
	case *value.Map:
		m := map[string]any{}
		for k, x := range v.All() {
			m[jsonView(k).(string)] = jsonView(x)
		}
		return m
	}
	return v
}

// TestYAMLAgainstPsych has Ruby write random values both ways: its YAML has to be
// read as what its Marshal says, and our YAML of that has to be read by Ruby as the
// same.
func TestYAMLAgainstPsych(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Ruby")
	}
	if _, err := exec.LookPath("ruby"); err != nil {
		t.Skip("no ruby here")
	}
	const rounds = 3000
	cmd := exec.CommandContext(waittest.Within(t, 5*time.Minute), "ruby", "testdata/psych.rb", fmt.Sprint(rounds))
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	decode := func(s string) []byte {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for range rounds {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		text, dump, _ := strings.Cut(strings.TrimSpace(line), " ")
		want, err := replyBody.Unmarshal(decode(dump))
		if err != nil {
			t.Fatalf("%q: %v", decode(dump), err)
		}
		got, err := decodeYAML(decode(text), limitsOf(replyBody))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("Ruby's\n%s\nis %#v (%v), want %#v", decode(text), got, err, want)
		}
		ours, err := appendYAML(nil, want)
		if err != nil {
			t.Fatalf("%#v cannot be written: %v", want, err)
		}
		if _, err := io.WriteString(in, base64.StdEncoding.EncodeToString(ours)+"\n"); err != nil {
			t.Fatal(err)
		}
		if line, err = lines.ReadString('\n'); err != nil || line != "same\n" {
			t.Fatalf("Ruby says of our\n%s\n%s (%v)", ours, line, err)
		}
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestJSONMapping(t *testing.T) {
	for _, c := range []struct {
		value any
		text  string
		back  any
	}{
		{value.NewMap(sym("a"), sym("b"), int64(1), nil), `{"a":"b","1":null}`, value.NewMap("a", "b", "1", nil)},
		{value.Binary("\xff"), `{"!binary":"/w=="}`, value.Binary("\xff")},
		{"\xff", `{"!binary":"/w=="}`, value.Binary("\xff")},
		{value.NewRegexp("a\"b", 1), `{"!regexp":"a\"b","options":1}`, value.NewRegexp("a\"b", 1)},
		{value.NewMap("!binary", "x"), `{"!!binary":"x"}`, value.NewMap("!binary", "x")},
		{math.Inf(-1), `{"!float":"-inf"}`, math.Inf(-1)}, {math.Inf(1), `{"!float":"inf"}`, math.Inf(1)},
		{2.0, "2.0", 2.0}, {1e100, "1.0e+100", 1e100}, {"<&>\u2028", "\"<&>\u2028\"", "<&>\u2028"},
		{&value.String{Bytes: "x", Encoding: "US-ASCII"}, `"x"`, "x"},
		{&value.String{Bytes: "\xfc", Encoding: "ISO-8859-1"}, `{"!binary":"/A=="}`, value.Binary("\xfc")},
	} {
		t.Run(subtest.Name(c.value), func(t *testing.T) {
			text, err := appendJSON(nil, c.value, 0)
			if err != nil || string(text) != c.text {
				t.Errorf("%#v is %s (%v), want %s", c.value, text, err, c.text)
			}
			back, err := decodeJSON(string(text), limitsOf(replyBody))
			if err != nil || !reflect.DeepEqual(back, c.back) {
				t.Errorf("%s is %#v (%v), want %#v", text, back, err, c.back)
			}
		})
	}
	for _, text := range []string{"", "{", `{"a":1,"a":2}`, `{"!x":"y"}`, `{"a":1,"!binary":"x"}`, `{"!binary":1}`, `{"!binary":"%"}`, `{"!regexp":"x","options":9}`,
		`{"!regexp":"x"}`, `{"!float":"x"}`, `{"!float":"nan"}`, "1 2", "nul", "1e999", "\"\xff\"", strings.Repeat("[", 100) + strings.Repeat("]", 100), "123456789e5000", "[1,]", "01"} {
		if v, err := decodeJSON(text, limitsOf(requestBody)); err == nil {
			t.Errorf("%q is taken as %#v", text, v)
		}
	}
	for _, v := range []any{value.NewMap(sym("a"), 1, "a", 2), value.NewMap([]any{}, 1), value.NewMap("\xff", 1), &value.Object{Class: "X"}, sym("\xff")} {
		if text, err := appendJSON(nil, v, 0); err == nil {
			t.Errorf("%#v is written as %s", v, text)
		}
	}
}
