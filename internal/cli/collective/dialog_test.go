package collective

import (
	"bytes"
	"strings"
	"testing"

	"mcollective/ddl"
	"mcollective/internal/cli"
	"mcollective/internal/config"
	"mcollective/internal/operation"
	"mcollective/internal/session"
	"mcollective/internal/usage"
)

func TestConfirm(t *testing.T) {
	destructive, harmless := &ddl.Action{Name: "restart", Destructive: true}, &ddl.Action{Name: "status"}
	two := []string{"web1", "web2\x1b[2J"}
	for _, tc := range []struct {
		name     string
		action   *ddl.Action
		nodes    []string
		terminal bool
		answer   string
		ok       bool
	}{
		{name: "harmless", action: harmless, nodes: two, ok: true},
		{name: "one node", action: destructive, nodes: two[:1], ok: true},
		{name: "nobody to ask", action: destructive, nodes: two},
		{name: "answered", action: destructive, nodes: two, terminal: true, answer: "Yes\n", ok: true},
		{name: "declined", action: destructive, nodes: two, terminal: true, answer: "\n"},
		{name: "the end of input", action: destructive, nodes: two, terminal: true, answer: ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var errs bytes.Buffer
			env := (&cli.Env{In: strings.NewReader(tc.answer), Err: &errs, InTerminal: tc.terminal, ErrTerminal: tc.terminal}).WithDefaults()
			op := operation.New(operation.Environment{Dialog: &Dialog{env: env}, Session: session.New(session.Options{Config: &config.Config{}})}, operation.Options{})
			err := op.Confirm(ddl.NewContract("service", &ddl.Definition{Kind: ddl.Agent, Actions: []*ddl.Action{tc.action}}), tc.action.Name, tc.nodes)
			if (err == nil) != tc.ok {
				t.Errorf("err %v", err)
			}
			if !tc.terminal && err != nil && !strings.Contains(usage.Hint(err), "--yes") {
				t.Errorf("the error does not say what to do: %v", err)
			}
			if strings.Contains(errs.String(), "\x1b") {
				t.Errorf("not cleaned: %q", errs.String())
			}
		})
	}
}
