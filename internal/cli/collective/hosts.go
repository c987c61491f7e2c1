package collective

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"mcollective/ddl"
	"mcollective/filter"
	"mcollective/internal/cli"
	"mcollective/internal/clientlibrary"
	"mcollective/internal/config"
	"mcollective/internal/safetext"
	"mcollective/internal/usage"
)

// Hosts are the options that say which nodes are meant. Each may be given
// several times.
type Hosts struct {
	with, selects, facts, classes, agents, Identities []string
}

// Add defines the flags.
func (h *Hosts) Add(set *pflag.FlagSet) {
	list := func(p *[]string, name, short, what, usage string) {
		// Not StringSlice: it would cut at commas.
		set.StringArrayVarP(p, name, short, nil, usage)
		cli.Group(set, cli.GroupFilter, name)
		cli.Takes(set, name, what)
	}
	list(&h.with, "with", "W", "FILTER", "Words: each a class or a fact comparison")
	list(&h.selects, "select", "S", "FILTER", "Expression: 'web and not (country=de)'")
	list(&h.facts, "with-fact", "F", "FACT=VALUE", "Nodes with this value of a fact")
	list(&h.classes, "with-class", "C", "CLASS", "Nodes with this class, or /regex/")
	list(&h.agents, "with-agent", "A", "AGENT", "Nodes with this agent, or /regex/")
	list(&h.Identities, "with-identity", "I", "NODE", "Nodes of this name, or /regex/")
}

// Parse turns the options into a filter. What cannot be read is an error, never
// left out: a filter that is lost lets everybody through.
func (h *Hosts) Parse(env *cli.Env) (filter.Filter, error) {
	var f filter.Filter
	var errs []error
	for _, text := range h.with {
		facts, classes, err := filter.ParseWith(text)
		f.Facts, f.Classes = append(f.Facts, facts...), append(f.Classes, classes...)
		errs = append(errs, err)
	}
	for _, text := range h.selects {
		c, err := filter.ParseCompound(text)
		f.Compound = append(f.Compound, c)
		errs = append(errs, err)
	}
	for _, text := range h.facts {
		fact, err := filter.ParseFact(text)
		f.Facts = append(f.Facts, fact)
		errs = append(errs, err)
	}
	for _, list := range []struct {
		texts []string
		to    *[]filter.Pattern
		parse func(string) (filter.Pattern, error)
	}{
		{h.classes, &f.Classes, filter.ParsePattern}, {h.agents, &f.Agents, filter.ParsePattern}, {h.Identities, &f.Identities, filter.ParseIdentity},
	} {
		for _, text := range list.texts {
			p, err := list.parse(text)
			*list.to = append(*list.to, p)
			errs = append(errs, err)
		}
	}
	for _, err := range errs {
		if err != nil {
			return filter.Filter{}, FilterError(err)
		}
	}
	if err := f.Check(); err != nil {
		fmt.Fprintf(env.Err, "Nodes other than Ruby's will not match: %s\n", safetext.Clean(err.Error()))
	}
	return f, nil
}

// checkFunctions refuses a filter that no node can match, because it compares an output
// that a data function does not have or that is never so. Where this machine has no
// definition of the function only the nodes can tell.
func checkFunctions(env *cli.Env, cfg *config.Config, f filter.Filter) error {
	for _, c := range f.Compound {
		for _, t := range c {
			if t.Kind != filter.Call {
				continue
			}
			d, err := clientlibrary.For(env.Files(), cfg, t.Call.Name).Local(ddl.Data, t.Call.Name)
			if err != nil {
				continue // unknown here, or what mco plugin doc says better
			}
			if err := d.CheckFunction(t.Call); err != nil {
				return usage.Hinted(usage.Errorf("no node matches %s: %w", t.Call, err), "'mco plugin doc data/"+t.Call.Name+"' lists the outputs")
			}
		}
	}
	return nil
}

// FilterError shows where a filter's text stops making sense.
func FilterError(err error) error {
	var parse *filter.ParseError
	if !errors.As(err, &parse) || parse.Text == "" {
		return usage.Hinted(err, "")
	}
	return usage.Hinted(err, "    "+strings.ReplaceAll(parse.Caret(), "\n", "\n    "))
}

// Comparison splits the text of a statement as nodes do: at the first of the
// operators that it has. A text without any is a class.
func Comparison(text string) (name, op, value string, ok bool) {
	if strings.HasPrefix(text, "/") {
		return "", "", "", false
	}
	at := strings.IndexAny(text, "<>=")
	if at < 0 {
		return "", "", "", false
	}
	op = text[at : at+1]
	if op != "=" && strings.HasPrefix(text[at+1:], "=") {
		op += "="
	}
	return text[:at], op, text[at+len(op):], true
}
