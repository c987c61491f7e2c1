package discovery_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mcollective/discovery"
	"mcollective/filter"
	"mcollective/internal/dirtest"
	"mcollective/internal/trust"
)

// script writes a program.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(dirtest.New(t), "find nodes")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestExternalAnswers(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		args string
		want []string
		err  string
	}{
		"lines":            {text: "echo n1; echo; echo '# n9'; echo ' n2'", want: []string{"n1", "n2"}},
		"arguments":        {text: `for a in "$@"; do echo "$a"; done`, args: ` a 'b-'"c" d\.e`, want: []string{"a", "b-c", "d.e"}},
		"a list":           {text: `echo '["n1","n2","n1"]'`, want: []string{"n1", "n2"}},
		"as mco prints it": {text: `echo '[{"sender":"n1"},{"certname":"n2"}]'`, want: []string{"n1", "n2"}},
		"an object":        {text: `echo '{"nodes":["n1"]}'`, want: []string{"n1"}},
		"Choria's way": {
			text: `echo some words; printf '{"protocol":"io.choria.choria.discovery.v1.external_reply","nodes":["n1","n2"]}' > "$CHORIA_EXTERNAL_REPLY"`,
			want: []string{"n1", "n2"}},
		"nothing":      {text: "cat >/dev/null", want: []string{}},
		"an error":     {text: `echo '{"error":"no such\u001b database"}'`, err: `it says: "no such\x1b database"`},
		"a failure":    {text: "echo first >&2; echo gone wrong >&2; exit 3", err: `exit status 3: "gone wrong"`},
		"other words":  {text: `echo '{"protocol":"v9","nodes":["n1"]}'`, err: "protocol"},
		"no JSON":      {text: "echo '{'", err: "not the JSON"},
		"no identity":  {text: "echo n1/../x", err: "is no identity"},
		"nor in JSON":  {text: `echo '["n 1"]'`, err: "is no identity"},
		"a pipe":       {text: `rm "$CHORIA_EXTERNAL_REPLY"; mkfifo "$CHORIA_EXTERNAL_REPLY"`, err: "not a regular file"},
		"open quote":   {args: ` "x`, err: "not closed"},
		"too slow":     {text: "sleep 60", err: "did not end in time"},
		"its own name": {text: `basename "$0" | tr ' ' -`, want: []string{"find-nodes"}},
	} {
		t.Run(name, func(t *testing.T) {
			q := discovery.Query{}
			if name == "too slow" {
				q.Timeout = 50 * time.Millisecond
			}
			m := discovery.External{Command: "'" + script(t, tc.text) + "'" + tc.args}
			got, err := m.Discover(t.Context(), q)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("error is %v, want it to contain %q", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if _, err := (discovery.External{Command: " "}).Discover(t.Context(), discovery.Query{}); err == nil || !strings.Contains(err.Error(), "needs a command") {
		t.Errorf("error is %v", err)
	}
	if _, err := (discovery.External{Command: "no-such-program-anywhere"}).Discover(t.Context(), discovery.Query{}); err == nil {
		t.Error("a program that does not exist found nodes")
	}
}

// TestExternalTrust has a command that others may change.
func TestExternalTrust(t *testing.T) {
	path := script(t, "echo n1")
	if err := trust.Check(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	names, err := discovery.External{Command: "'" + path + "'"}.Discover(t.Context(), discovery.Query{})
	if err == nil || !strings.Contains(err.Error(), "is not trusted") || !strings.Contains(err.Error(), "chmod go-w") {
		t.Errorf("%v, %v", names, err)
	}
}

func TestExternalRequest(t *testing.T) {
	compound, err := filter.ParseCompound("a=b and not /x/")
	if err != nil {
		t.Fatal(err)
	}
	q := discovery.Query{Collective: "uk", Timeout: 2500 * time.Millisecond, Limit: 2, Filter: filter.Filter{
		Facts:      []filter.Fact{{Name: "country", Operator: "==", Value: "mt"}},
		Classes:    []filter.Pattern{{Text: "web"}},
		Agents:     []filter.Pattern{{Text: "rpcutil"}},
		Identities: []filter.Pattern{{Text: "/^n/"}},
		Compound:   []filter.Compound{compound},
	}}
	kept := filepath.Join(dirtest.New(t), "request")
	m := discovery.External{Options: map[string]string{"foo": "bar"}, Command: "'" + script(t,
		`cmp "$CHORIA_EXTERNAL_REQUEST" - || exit 9; cat "$CHORIA_EXTERNAL_REQUEST" > "$1"; printf 'x1\nn1\nn2\nn3\n'; echo "$CHORIA_EXTERNAL_PROTOCOL" >> "$1"`) + "' " + kept}
	names, err := m.Discover(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"n1", "n2"}, names); diff != "" {
		t.Errorf("identities and the limit hold whatever the command says:\n%s", diff)
	}
	data, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	text, protocol, _ := strings.Cut(string(data), "}io.")
	if protocol != "choria.choria.discovery.v1.external_request\n" {
		t.Errorf("protocol is %q", protocol)
	}
	var got any
	if err := json.Unmarshal([]byte(text+"}"), &got); err != nil {
		t.Fatal(err)
	}
	list := func(v ...any) []any { return append([]any{}, v...) }
	want := map[string]any{
		"$schema":    "https://choria.io/schemas/choria/discovery/v1/external_request.json",
		"protocol":   "io.choria.choria.discovery.v1.external_request",
		"collective": "uk", "timeout": 2.5, "federations": list(), "options": map[string]any{"foo": "bar"},
		"filter": map[string]any{
			"fact":     list(map[string]any{"fact": "country", "operator": "==", "value": "mt"}),
			"cf_class": list("web"), "agent": list("rpcutil"), "identity": list("/^n/"),
			"compound": list(list(map[string]any{"expr": "a=b and not /x/"})),
		},
	}
	if diff := cmp.Diff(any(want), got); diff != "" {
		t.Error(diff)
	}
}

func TestExternalEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := (discovery.External{Command: "'" + script(t, "sleep 60") + "'"}).Discover(ctx, discovery.Query{}); err == nil {
		t.Error("no error")
	}
}
