package collective

import (
	"bytes"
	"testing"

	"mcollective/filter"
	"mcollective/internal/cli"
)

func TestHintWhy(t *testing.T) {
	var errs bytes.Buffer
	env := (&cli.Env{Name: "/usr/bin/mco", Err: &errs, ErrTerminal: true}).WithDefaults()
	hintWhy(env, filter.Filter{}, "rpcutil")
	if errs.Len() > 0 {
		t.Errorf("without a filter: %q", errs.String())
	}
	hintWhy(env, filter.Filter{Classes: []filter.Pattern{{Text: "web"}}}, "service")
	if want := "'mco why -C web service' says which part of that excludes whom.\n"; errs.String() != want {
		t.Errorf("got %q", errs.String())
	}
	env.ErrTerminal = false
	errs.Reset()
	hintWhy(env, filter.Filter{Classes: []filter.Pattern{{Text: "web"}}}, "service")
	if errs.Len() > 0 {
		t.Errorf("where a program reads: %q", errs.String())
	}
}
