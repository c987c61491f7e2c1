package collective

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"mcollective/internal/cli"
	"mcollective/internal/render"
	"mcollective/internal/suggest"
	"mcollective/internal/usage"
)

// Output are the options of commands that show what agents answer.
type Output struct {
	Format string
	Fields string
	JQ     string

	names []string // of the fields
}

// Add defines the flags.
func (o *Output) Add(set *pflag.FlagSet) {
	cli.Text(set, cli.GroupCall, &o.Format, "output", "o", "FORMAT", "How to print results: "+strings.Join(Formats(), ", "))
	cli.Text(set, cli.GroupCall, &o.Fields, "fields", "", "LIST", "Print only these outputs, as in a,b")
	cli.Text(set, cli.GroupCall, &o.JQ, "jq", "", "EXPRESSION", "Print what this jq expression returns")
}

// Formats returns the values of --output.
func Formats() []string {
	return []string{
		string(render.Classic), string(render.Folded), string(render.Table), string(render.Wide), string(render.JSON),
		string(render.JSONL), string(render.YAML), string(render.CSV), string(render.Name),
	}
}

// Check refuses what contradicts itself.
func (o *Output) Check(f *Flags) error {
	if o.Fields != "" {
		var err error
		if o.names, err = cli.CommaList("fields", o.Fields); err != nil {
			return err
		}
	}
	switch {
	case o.Format != "" && !slices.Contains(Formats(), o.Format):
		err := usage.Errorf("invalid argument: --output %s", o.Format)
		if near := suggest.Nearest(o.Format, Formats()); near != "" {
			return usage.Hinted(err, "Did you mean '"+near+"'?")
		}
		return usage.Hinted(err, "The formats are "+strings.Join(Formats(), ", "))
	case o.Fields != "" && o.Format == string(render.Name):
		return usage.Errorf("Cannot mix --fields and --output name, which prints no outputs")
	case f.Results.JSON && o.Format != "" && o.Format != string(render.JSON):
		return usage.Errorf("Cannot mix --json and --output %s", o.Format)
	case f.Results.display != "" && !slices.Contains([]string{"ok", "all", "failed"}, f.Results.display):
		return usage.Errorf("--display has to be one of ok, all or failed")
	}
	return nil
}

// Options returns how results are shown on the streams of this run.
func (o *Output) Options(env *cli.Env, f *Flags) render.Options {
	opts := render.Options{
		Out: env.Out, Err: env.Err, Terminal: env.OutTerminal, ErrTerminal: env.ErrTerminal, Color: env.Color(env.OutTerminal), Width: cli.Width(env),
		Format: render.Format(o.Format), Fields: o.names, JQ: o.JQ, Raw: env.Raw, Display: f.Results.display, Verbose: f.Verbose, Sort: f.Sort,
		Progress: !f.Results.NoProgress, Now: env.Now,
	}
	if f.Results.JSON {
		opts.Format = render.JSON
	}
	return opts
}
