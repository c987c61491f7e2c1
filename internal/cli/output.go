package cli

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"mcollective/internal/render"
	"mcollective/internal/suggest"
	"mcollective/internal/usage"
)

// outputFlags are the options of commands that show what agents answer.
type outputFlags struct {
	format string
	fields string
	jq     string

	names []string // of the fields
}

func (o *outputFlags) add(set *pflag.FlagSet) {
	text(set, groupOwn, &o.format, "output", "o", "FORMAT", "How to print results: "+strings.Join(formats(), ", "))
	text(set, groupOwn, &o.fields, "fields", "", "LIST", "Print these outputs only, with commas between them")
	text(set, groupOwn, &o.jq, "jq", "", "EXPRESSION", "Print what this jq expression makes of each result")
}

// formats are the values of --output.
func formats() []string {
	return []string{
		string(render.Classic), string(render.Folded), string(render.Table), string(render.Wide), string(render.JSON),
		string(render.JSONL), string(render.YAML), string(render.CSV), string(render.Name),
	}
}

// check refuses what contradicts itself.
func (o *outputFlags) check(f *clientFlags) error {
	if o.fields != "" {
		var err error
		if o.names, err = commaList("fields", o.fields); err != nil {
			return err
		}
	}
	switch {
	case o.format != "" && !slices.Contains(formats(), o.format):
		err := usage.Errorf("invalid argument: --output %s", o.format)
		if near := suggest.Nearest(o.format, formats()); near != "" {
			return usage.Hinted(err, "Did you mean '"+near+"'?")
		}
		return usage.Hinted(err, "The formats are "+strings.Join(formats(), ", "))
	case o.fields != "" && o.format == string(render.Name):
		return usage.Errorf("Cannot mix --fields and --output name, which prints no outputs")
	case f.rpc.json && o.format != "" && o.format != string(render.JSON):
		return usage.Errorf("Cannot mix --json and --output %s", o.format)
	case f.rpc.display != "" && !slices.Contains([]string{"ok", "all", "failed"}, f.rpc.display):
		return usage.Errorf("--display has to be one of ok, all or failed")
	}
	return nil
}

// options are how results are shown on the streams of this run.
func (o *outputFlags) options(env *Env, f *clientFlags) render.Options {
	opts := render.Options{
		Out: env.Out, Err: env.Err, Terminal: env.OutTerminal, ErrTerminal: env.ErrTerminal, Color: env.color(env.OutTerminal), Width: width(env),
		Format: render.Format(o.format), Fields: o.names, JQ: o.jq, Raw: env.raw, Display: f.rpc.display, Verbose: f.verbose, Sort: f.sort,
		Progress: !f.rpc.noProgress, Now: env.Now,
	}
	if f.rpc.json {
		opts.Format = render.JSON
	}
	return opts
}
