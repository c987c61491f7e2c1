package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mcollective/internal/subtest"
)

func TestExpand(t *testing.T) {
	env := (&Env{}).WithDefaults()
	ping := Command{Name: "ping", New: func(*Env) *cobra.Command {
		cmd := &cobra.Command{Use: "ping"}
		set := cmd.Flags()
		for _, name := range []string{"with-fact,F", "with-class,C", "with-agent,A", "with-identity,I", "disc-option,"} {
			name, short, _ := strings.Cut(name, ",")
			set.StringArrayP(name, short, nil, "")
		}
		for _, name := range []string{"nodes,", "limit-nodes,", "limit-seed,", "discovery-timeout,", "disc-method,", "target,T", "timeout,t", "ttl,", "display,"} {
			name, short, _ := strings.Cut(name, ",")
			set.StringP(name, short, "", "")
		}
		for _, name := range []string{"no-progress,", "verbose,v", "graph,g", "one,1", "threaded,"} {
			name, short, _ := strings.Cut(name, ",")
			set.BoolP(name, short, false, "")
		}
		return cmd
	}}
	for _, tc := range []struct{ in, want string }{
		{"--wf a=b", "--with-fact a=b"},
		{"--with-f=a=b", "--with-fact=a=b"},
		{"--wi n1 --wc c --wa a", "--with-identity n1 --with-class c --with-agent a"},
		{"--np --nodes f", "--no-progress --nodes f"},
		{"--limit 3 --ln 4 --limit-s 5", "--limit-nodes 3 --limit-nodes 4 --limit-seed 5"},
		{"--dt 3 --dm mc --do x", "--discovery-timeout 3 --disc-method mc --disc-option x"},
		{"--verb --gr", "--verbose --graph"},
		{"-vgT uk", "-vgT uk"},
		{"-T --np", "-T --np"}, // the value of -T, whatever it looks like
		{"-vF --np -I --wf", "-vF --np -I --wf"},
		{"--target --np --np", "--target --np --no-progress"},
		{"-Fa=b -- --wf", "-Fa=b -- --wf"},
		{"-t5 -1 --th", "-t5 -1 --threaded"},
	} {
		t.Run(subtest.Name(tc.in), func(t *testing.T) {
			cmd := ping.New(env)
			Prepare(env, cmd)
			got, err := expand(env, &Program{}, ping, cmd, strings.Fields(tc.in))
			if err != nil {
				t.Errorf("%s: %v", tc.in, err)
				return
			}
			if diff := cmp.Diff(tc.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("%s:\n%s", tc.in, diff)
			}
		})
	}
}

// Where commands differ in whether an option has a value, nobody can say which of the
// words behind it that would be.
func TestExtraOptionOfManyMeanings(t *testing.T) {
	command := func(name string, flags func(*pflag.FlagSet)) Command {
		return Command{Name: name, Client: true, New: func(*Env) *cobra.Command {
			cmd := &cobra.Command{Use: name, RunE: func(*cobra.Command, []string) error { return nil }}
			flags(cmd.Flags())
			return cmd
		}}
	}
	p := &Program{Commands: []Command{
		command("one", func(*pflag.FlagSet) {}),
		command("two", func(set *pflag.FlagSet) { set.BoolP("silent", "s", false, "") }),
		command("three", func(set *pflag.FlagSet) { set.StringP("state", "s", "", "") }),
	}}
	for extra, want := range map[string]string{
		"-s x": "one has no -s, and other commands have different ones", "--s x": "one has no --s,", "--silent": "", "--state x": "", "--state=x --silent": "",
	} {
		t.Run(subtest.Name(extra), func(t *testing.T) {
			env := (&Env{Getenv: func(string) string { return extra }}).WithDefaults()
			cmd := p.Commands[0].New(env)
			Prepare(env, cmd)
			_, err := expand(env, p, p.Commands[0], cmd, nil)
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s: %v, want %q", extra, err, want)
			}
		})
	}
}
