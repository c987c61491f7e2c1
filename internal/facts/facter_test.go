package facts

import (
	"context"
	"math"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mcollective/internal/run"
)

// notOurs are facts of facter that concern itself or Ruby.
var notOurs = regexp.MustCompile(`^(facterversion|ruby|rubyplatform|rubysitedir|rubyversion|path|puppetversion|augeas.*|env_windows_installdir|networking\.dhcp|dhcp_servers.*)$|^(ruby|puppet|aio_agent)`)

// live are facts that change between two looks; inUse those of them that may be
// anything by the second look, since other programs come and go.
var (
	live  = regexp.MustCompile(`^(memory|memoryfree|swapfree|load_averages|system_uptime|uptime|mountpoints)`)
	inUse = regexp.MustCompile(`^(memoryfree|swapfree|load_averages)|^(memory|mountpoints)\..*(used|available|capacity)`)
)

// What facter and we both know of this machine must be the same, and we must
// know nearly all of it.
func TestAgreesWithFacter(t *testing.T) {
	if testing.Short() {
		t.Skip("runs facter")
	}
	facter, err := exec.LookPath("facter")
	if err != nil {
		t.Skip("facter is not installed")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, facter, "--json", "--show-legacy", "--no-external-facts", "--no-custom-facts").Output()
	theirs, bad := parseJSON(out) // facter may fail after it has printed what it could find out
	if bad != nil {
		t.Skipf("facter does not work here: %v", err)
	}
	f, err := Open(ctx, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a, b := flatten(theirs), flatten(f.Snapshot())
	same, moving := 0, 0
	for name, want := range a {
		got, ok := b[name]
		switch {
		case notOurs.MatchString(name):
		case !ok:
			t.Errorf("%s = %q is missing", name, want)
		case live.MatchString(name):
			if shape(want) != shape(got) || !inUse.MatchString(name) && !near(want, got) {
				t.Errorf("%s = %q, facter says %q", name, got, want)
			}
			moving++
		case got != want:
			t.Errorf("%s = %q, facter says %q", name, got, want)
		default:
			same++
		}
	}
	t.Logf("%d facts are the same, %d live ones are near, of facter's %d; we have %d", same, moving, len(a), len(b))
	if same < 40 {
		t.Errorf("only %d facts agree", same)
	}
}

// flatten gives every scalar its dotted name.
func flatten(v any) map[string]string {
	flat := map[string]string{}
	var walk func(string, any)
	walk = func(name string, v any) {
		switch v := v.(type) {
		case Set:
			for k, e := range v {
				walk(k, e)
			}
		case map[string]any:
			for k, e := range v {
				walk(strings.TrimPrefix(name+"."+k, "."), e)
			}
		case []any:
			for i, e := range v {
				walk(name+"."+strconv.Itoa(i), e)
			}
		case string:
			flat[name] = v
		}
	}
	walk("", v)
	return flat
}

var number = regexp.MustCompile(`[0-9.]+`)

// shape is a value without its numbers and the prefix of its unit.
func shape(s string) string {
	return regexp.MustCompile(` [KMGT]iB$`).ReplaceAllString(number.ReplaceAllString(s, "0"), " iB")
}

// near holds for numbers that are off by a fifth at most, or by a little when
// small.
func near(a, b string) bool {
	x, errX := strconv.ParseFloat(number.FindString(a), 64)
	y, errY := strconv.ParseFloat(number.FindString(b), 64)
	if errX != nil || errY != nil {
		return a == b
	}
	return math.Abs(x-y) <= max(2, 0.2*max(x, y)) || number.ReplaceAllString(a, "") != number.ReplaceAllString(b, "")
}

func TestFacterSource(t *testing.T) {
	if testing.Short() {
		t.Skip("runs facter")
	}
	if _, err := run.Look("facter"); err != nil {
		t.Skip("facter is not installed")
	}
	f, err := Open(context.Background(), Options{Source: "facter", StartWait: time.Minute, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	os, _ := f.Fact("os")
	old, _ := f.Fact("operatingsystem")
	m, _ := os.(map[string]any)
	if name := text(m, "name"); name == "" || name != old {
		t.Errorf("os.name is %q, operatingsystem %q", name, old)
	}
}

func TestParseJSON(t *testing.T) {
	got, err := parseJSON([]byte(`{"a": 1.50, "b": [true, null, "x"], "c": {"d": 12345678901234567890}}`))
	want := Set{"a": "1.50", "b": []any{"true", "", "x"}, "c": map[string]any{"d": "12345678901234567890"}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v\n%s", err, d)
	}
	for _, bad := range []string{"", "[]", "{} {}", `{"a":`, strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200)} {
		if got, err := parseJSON([]byte(bad)); err == nil {
			t.Errorf("%.30q gives %v", bad, got)
		}
	}
}
