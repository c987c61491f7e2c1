// Package puppet is mco puppet, which schedules runs of Puppet and tells how it is.
package puppet

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mcollective/internal/cli"
	"mcollective/internal/cli/application"
	"mcollective/internal/cli/inputs"
	"mcollective/internal/usage"
)

// New makes the command puppet.
func New(env *cli.Env) *cobra.Command {
	p := &puppet{}
	return application.New(env, &application.Application{
		Agent: "puppet",
		About: "Run, enable and disable Puppet, and show how it is",
		Usage: []string{
			"<count|summary|status|enable>", "disable [<message>]", "runonce [<options of a run>]",
			"runall <concurrency> [--rerun <seconds>] [<options of a run>]", "resource <type> <name> [<property=val> ...]",
		},
		Example: "    mco puppet runonce -F operatingsystem=CentOS\n" +
			"    mco puppet runall 10 -C webserver\n" +
			"    mco puppet disable 'moving to the new rack' -I web1.example.net\n" +
			"    mco puppet resource service httpd ensure=stopped -I web1.example.net",
		Flags:   p.flags,
		Words:   p.words,
		Does:    p.does,
		Actions: []string{"count", "disable", "enable", "last_run_summary", "resource", "runall", "runonce", "status", "summary"},
	})
}

// puppet is the application puppet.
type puppet struct {
	tags  []string
	rerun cli.Seconds
	bound string // of runall
}

func (p *puppet) flags(set *pflag.FlagSet) {
	set.Bool("force", false, "Run at once, without the random delay")
	cli.Text(set, cli.GroupOwn, new(string), "server", "", "SERVER", "Puppet server, as NAME or NAME:PORT")
	set.StringArrayVar(&p.tags, "tags", nil, "Apply only what has these tags, as in a,b")
	cli.Takes(set, "tags", "TAG")
	set.Bool("no-noop", false, "Make changes, even if Puppet is set to noop")
	cli.Text(set, cli.GroupOwn, new(string), "environment", "", "ENVIRONMENT", "Environment of this run")
	set.Bool("splay", false, "Wait a random time before the run")
	set.Bool("no-splay", false, "Do not wait, even if Puppet is set to")
	cli.Text(set, cli.GroupOwn, new(string), "splaylimit", "", "SECONDS", "The longest random wait")
	set.Bool("use_cached_catalog", false, "Use the catalog of the last run")
	set.Bool("no-use_cached_catalog", false, "Do not use the catalog of the last run")
	set.Bool("ignoreschedules", false, "Ignore the schedules of resources")
	cli.ValueFlag(set, cli.GroupOwn, &p.rerun, "rerun", "", "SECONDS", "Repeat runall, at most this often")
}

func (p *puppet) words(words []string, in *application.Inputs) (string, error) {
	action, rest := words[0], words[1:]
	in.Used["rerun"] = action == "runall"
	most := 0
	switch action {
	case "disable":
		if len(rest) > 0 {
			in.Set("message", strings.Join(rest, " "))
		}
		return action, nil
	case "summary":
		action = "last_run_summary"
	case "resource":
		most = 2
		for i, input := range []string{"type", "name"}[:min(len(rest), 2)] {
			in.Set(input, rest[i])
		}
		in.Take("noop")
	case "runonce", "runall":
		if action == "runall" && len(rest) > 0 {
			p.bound, most = rest[0], 1
		}
		given := len(in.List)
		in.Take("force", "server", "noop", "no-noop", "environment", "splay", "no-splay", "splaylimit",
			"use_cached_catalog", "no-use_cached_catalog", "ignoreschedules")
		for _, tags := range p.tags {
			if _, err := cli.CommaList("tags", tags); err != nil {
				return "", err
			}
		}
		if len(p.tags) > 0 {
			in.Used["tags"] = true
			in.Set("tags", strings.Join(p.tags, ","))
		}
		if err := contradiction(in.List[given:]); err != nil {
			return "", err
		}
	}
	if len(rest) > most {
		return "", usage.Errorf("%q is one word too many", rest[most])
	}
	if action == "runonce" || action == "runall" {
		return action, p.delays(in)
	}
	return action, nil
}

// delays refuses a run that is to begin at once and to wait.
func (p *puppet) delays(in *application.Inputs) error {
	yes := func(flag string) bool { f := in.Flags.Lookup(flag); return f.Changed && f.Value.String() == "true" }
	for _, atOnce := range []string{"force", "no-splay"} {
		switch {
		case yes(atOnce) && yes("splay"):
			return usage.Errorf("Cannot mix --%s and --splay", atOnce)
		case yes(atOnce) && in.Used["splaylimit"]:
			return usage.Errorf("Cannot mix --%s and --splaylimit", atOnce)
		}
	}
	if p.rerun.IsSet && p.rerun.Duration == 0 {
		return usage.Errorf("invalid argument: --rerun 0: Puppet would run all the time")
	}
	return nil
}

// contradiction refuses flags that say opposite things.
func contradiction(list []inputs.Argument) error {
	for i, a := range list {
		if slices.ContainsFunc(list[:i], func(b inputs.Argument) bool { return b.Name == a.Name }) {
			return usage.Errorf("Cannot mix --%s and --no-%s", a.Name, a.Name)
		}
	}
	return nil
}

// does returns what is more than a call of an action.
func (p *puppet) does(ctx context.Context, t *application.Task) (bool, error) {
	switch {
	case t.RPC.Action == "runall":
		return true, p.runAll(ctx, t)
	case t.RPC.Action == "count":
		return true, countPuppets(ctx, t)
	case t.Words[0] == "summary" && t.Human():
		return true, summarizePuppets(ctx, t)
	}
	return false, nil
}
