package filter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mcollective/internal/waittest"
)

// askRuby puts questions to testdata/oracle.rb. The test is skipped where Ruby
// MCollective is not installed.
func askRuby(t *testing.T, questions [][]any) []any {
	t.Helper()
	if testing.Short() {
		t.Skip("starts Ruby")
	}
	if !haveRuby() {
		t.Skip("Ruby MCollective is not installed")
	}
	var in, out bytes.Buffer
	enc := json.NewEncoder(&in)
	for _, q := range questions {
		if err := enc.Encode(q); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(waittest.Within(t, 5*time.Minute), "ruby", "-W0", "testdata/oracle.rb")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &in, &out, os.Stderr
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	var answers []any
	for dec := json.NewDecoder(&out); dec.More(); {
		var answer []any
		if err := dec.Decode(&answer); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, answer[0])
	}
	if len(answers) != len(questions) {
		t.Fatalf("%d answers to %d questions", len(answers), len(questions))
	}
	return answers
}

var haveRuby = sync.OnceValue(func() bool {
	return exec.Command("ruby", "-W0", "-e", `require "mcollective"`).Run() == nil
})

// rounds is how many random questions a test asks; FILTER_RUBY_ROUNDS sets it.
func rounds() int {
	if n, err := strconv.Atoi(os.Getenv("FILTER_RUBY_ROUNDS")); err == nil {
		return n
	}
	return 200
}

func pick[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

func testRand(t *testing.T) *rand.Rand {
	seed := uint64(1)
	if n, err := strconv.ParseUint(os.Getenv("FILTER_RUBY_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// rubyNode is a node of which Ruby can be told everything.
func rubyNode() *testNode {
	n := sample()
	delete(n.facts, "a.b") // the dotted extensions are ours
	return n
}

func tellNode(n *testNode) []any {
	return []any{"node", map[string]any{"identity": n.identity, "classes": n.classes, "facts": n.facts}}
}

func TestRubyParsesFactsAlike(t *testing.T) {
	r := testRand(t)
	questions := [][]any{}
	for range rounds() {
		var b strings.Builder
		for range 1 + r.IntN(7) {
			b.WriteString(pick(r, "a", "b", "=", "=", "<", ">", "!", "~", " ", "/", ":", "gt", ".", "é"))
		}
		b.WriteString(pick(r, "", "", "\n", "\nx"))
		questions = append(questions, []any{"fact", b.String()})
	}
	for i, answer := range askRuby(t, questions) {
		text := questions[i][1].(string)
		got, err := ParseFact(text)
		want, accepted := answer.(map[string]any)
		switch {
		case !accepted && err == nil && !strings.Contains(text, ":"):
			t.Errorf("%q: Ruby refuses it, we say %v", text, got)
		case accepted && err == nil && got != Fact{want["fact"].(string), want["operator"].(string), want["value"].(string)}:
			t.Errorf("%q: %v, Ruby says %v", text, got, want)
		case accepted && err != nil && !knownRefusal(text, want):
			t.Errorf("%q: %v, Ruby says %v", text, err, want)
		}
	}
}

// knownRefusal are the texts that Ruby accepts though they make no sense.
func knownRefusal(text string, want map[string]any) bool {
	name, value := want["fact"].(string), want["value"].(string)
	return isOperator(afterName(text, name)) || !strings.HasPrefix(text, name) ||
		want["operator"] == "=~" && checkRegexp(regexpSource(value), 0) != nil
}

func TestRubyComparesFactsAlike(t *testing.T) {
	r, n := testRand(t), rubyNode()
	number := func() string {
		var b strings.Builder
		for range 1 + r.IntN(5) {
			b.WriteString(pick(r, "0", "1", "7", "8", "9", ".", "10", "x", "e", "_", "-", " ", "\n", ":", "A"))
		}
		return b.String()
	}
	questions := [][]any{nil}
	for i := range rounds() {
		name := "f" + strconv.Itoa(i)
		n.facts[name] = number()
		if i%10 == 0 {
			n.facts[name] = []any{number(), number()}
		}
		value := number()
		if i%7 == 0 {
			value, _ = n.facts[name].(string)
		}
		questions = append(questions, []any{"match", name, pick(r, "==", "!=", "<", ">", "<=", ">=", "=~", "=", ""), value})
	}
	questions[0] = tellNode(n)
	for i, answer := range askRuby(t, questions) {
		if i == 0 {
			continue
		}
		q := questions[i]
		ok, err := (&Filter{Facts: []Fact{{q[1].(string), q[2].(string), q[3].(string)}}}).Match(context.Background(), n, Rules{})
		verdict(t, fmt.Sprintf("%q %v %q", n.facts[q[1].(string)], q[2], q[3]), answer, ok, err)
	}
}

func TestRubyParsesCompoundsAlike(t *testing.T) {
	r, n := testRand(t), rubyNode()
	n.data = nil // as on the Ruby node
	questions := [][]any{tellNode(n)}
	for range rounds() {
		questions = append(questions, []any{"stack", randomCompound(r)})
	}
	accepted := 0
	for i, answer := range askRuby(t, questions) {
		pair, ok := answer.([]any)
		if i == 0 || !ok || pair[1] == nil {
			continue // Ruby refuses it, or its nodes fail on it
		}
		text := questions[i][1].(string)
		var stack []map[string]any
		for _, item := range pair[0].([]any) {
			stack = append(stack, item.(map[string]any))
		}
		want := compoundOf(stack)
		if ok, err := (&Filter{Compound: []Compound{want}}).Match(context.Background(), n, Rules{}); ok != pair[1].(bool) || ok && err != nil {
			t.Errorf("%q: Ruby's %s is %v for Ruby, %v, %v for us", text, render(want), pair[1], ok, err)
		}
		got, err := ParseCompound(text)
		if err == nil && got.Equal(want) {
			accepted++
			continue
		}
		if reason := whyDifferent(text, want, err); reason == "" {
			t.Errorf("%q: %s, %v, Ruby says %s", text, render(got), err, render(want))
		}
	}
	t.Logf("%d of %d are the same", accepted, rounds())
}

func randomCompound(r *rand.Rand) string {
	term := func() string {
		return pick(r, "common", "'with space'", "/^role/", "/web|db/", "nope", "country=de", "country = fr", "cpus>2", "cpus >3", "cpus<= 4", "version=/^2\\.10/",
			"eq='x'", "path='/usr/bin'", "lines=/^two$/", "missing=1", "os=family", "interfaces=lo", "and", "or", "not", "android", "country=\"de\"", "empty=/^$/", "cpus=04", "cpus>=04", "a b", "/a b/", "x=(y)", "country!=de", "country==de", "a=~b", "/(a)/", "lines=/one two/", "'a=b'", "not'x'", "a/b/",
			"f('x').y=1", "f(\"x, y\").y > 2", "f().y!=/a b/", "f('').y=/x/", "f( 'a','b').y>='q r'", "f('/etc/x.y').z='/q/'", "not f('x')=1", "f('x').y=a=b", "f(x).y=1", "f('x').y", "f('it\"s').y=1")
	}
	var b strings.Builder
	depth := 0
	for range 1 + r.IntN(4) {
		for r.IntN(4) == 0 {
			b.WriteString(pick(r, "not ", "!", "! ", "not  "))
		}
		for r.IntN(4) == 0 {
			b.WriteString(pick(r, "(", "( ", "not("))
			depth++
		}
		b.WriteString(term())
		for depth > 0 && r.IntN(2) == 0 {
			b.WriteString(pick(r, ")", " )"))
			depth--
		}
		b.WriteString(pick(r, " and ", " or ", " and  ", "  or ", " ", " and(", ""))
	}
	if r.IntN(4) > 0 {
		text := strings.TrimRight(b.String(), " ")
		for _, tail := range []string{" and", " or", " and(", "("} {
			text = strings.TrimSuffix(text, tail)
		}
		b.Reset()
		b.WriteString(text)
	}
	b.WriteString(strings.Repeat(")", depth))
	return b.String()
}

// whyDifferent says why we do not send what Ruby sends for a text, or nothing
// when there is no reason.
func whyDifferent(text string, want Compound, err error) string {
	if err != nil && (strings.Contains(err.Error(), "quote is not closed") || strings.Contains(err.Error(), "a parenthesis cannot be")) {
		return "a quote must be closed, and parentheses want quotes"
	}
	if err != nil && (wellFormed(want) != nil || strings.Contains(err.Error(), "arguments must be in quotes") || strings.Contains(err.Error(), "function must be compared")) {
		return "nodes cannot evaluate it, a missing plugin only hides that, or Ruby garbles the call"
	}
	for _, t := range want {
		if c := t.Call; t.Kind == Call && (strings.ContainsAny(c.Output, "=<>") || !isFunctionName([]byte(c.Name)) ||
			strings.Contains(c.Compare.Text, "/") || strings.HasPrefix(c.Compare.Text, "~")) {
			return "Ruby cuts a call at its last operator, takes anything for a name, and knows no =~"
		}
		if t.Kind != Statement {
			continue
		}
		if err != nil && strings.Contains(text, "/and ") {
			return "Ruby ends a name at its second slash"
		}
		if at, width := statementOperator(t.Text); err != nil && strings.ContainsAny(t.Text[at+width:], "=<>") {
			return "nodes lose what follows a second operator"
		}
		if err != nil && strings.LastIndexByte(t.Text, '/') > 0 && strings.Contains(t.Text, " ") {
			return "blanks between slashes within a name or value need quotes"
		}
		if at, width := statementOperator(t.Text); width > 0 {
			s, err := splitStatement(t.Text)
			switch op := comparison(t.Text[max(0, at-1):]); {
			case strings.HasSuffix(s.name, "!") || strings.HasPrefix(op, "!"):
				return "!= is an operator"
			case err == nil && strings.TrimPrefix(t.Text, s.name+strings.TrimPrefix(s.operator, "=")) != s.value && strings.Contains(t.Text[at+width:], "="):
				return "nodes lose what follows a second operator"
			case len(comparison(t.Text[at:])) > width:
				return "operators that nodes do not know"
			}
		}
		if strings.Contains(t.Text, "/") && strings.ContainsAny(t.Text, "()") {
			return "a parenthesis behind a regular expression"
		}
	}
	return ""
}

func TestRubyRegexpsAlike(t *testing.T) {
	r := testRand(t)
	questions := [][]any{}
	for range rounds() {
		var b strings.Builder
		for range 1 + r.IntN(7) {
			b.WriteString(pick(r, "a", "b", "k", ".", "*", "+", "?", "|", "(", ")", "[", "]", "^", "$", "\\d", "\\s", "\\S", "\\h", "\\A", "\\z", "\\Z", "\\b", "-", "{2}", "{,2}", "{1,}", "{", "(?:", "(?i)", "(?<n>",
				"(?i:", "(?m-i:", "(?x)", "(?#c)", " ", "#", "\n", "\\.", "[^a]", "[a-c]", "[[:alpha:]]", "[\\sb]", "\\n", "\\x61", "\\u0061", "\\R", "\\y", "\\/", "é", "1"))
		}
		var text strings.Builder
		for range r.IntN(5) {
			text.WriteString(pick(r, "a", "b", "A", "B", "1", " ", "\n", "é", "k", ".", "-", "{", "c"))
		}
		questions = append(questions, []any{"regexp", b.String(), r.IntN(8), text.String()})
	}
	same, unsupported := 0, 0
	for i, answer := range askRuby(t, questions) {
		source, options, text := questions[i][1].(string), questions[i][2].(int), questions[i][3].(string)
		got, err := matchers.get(matcherKey{text: source, options: options}).match(text)
		switch {
		case answer == nil && err == nil:
			t.Errorf("%q %d on %q: Ruby refuses it, we say %v", source, options, text, got)
		case errors.Is(err, errEmptyRegexp) && answer == true:
			unsupported++
		case answer != nil && checkRegexp(source, options) != nil:
			t.Errorf("%q %d: Ruby reads it, we say %v", source, options, err)
		case answer != nil && err == nil && got != answer:
			t.Errorf("%q %d on %q: %v, Ruby says %v", source, options, text, got, answer)
		case err != nil:
			unsupported++
		default:
			same++
		}
	}
	t.Logf("%d the same, %d not evaluated", same, unsupported)
}
