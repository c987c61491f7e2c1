// Package agent is mco agent: it writes, tries, checks and lists agents in any language.
package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"mcollective/internal/agenthost"
	"mcollective/internal/cli"
	"mcollective/internal/cli/collective"
	"mcollective/internal/cli/complete"
	"mcollective/internal/cli/known"
	"mcollective/internal/cli/rpc"
	"mcollective/internal/config"
	"mcollective/internal/logging"
	"mcollective/internal/usage"
	"mcollective/sdk"
)

// agentOptions are the flags of agent, the tools for those who write agents.
type agentOptions struct {
	collective.Flags // of which only few have a name here
	collective.Output
	lang string
	dir  string
}

// New makes the command agent.
func New(env *cli.Env) *cobra.Command {
	o := &agentOptions{}
	cmd := &cobra.Command{
		Use: "agent [options] new <name> --lang <language>\n" +
			"agent [options] run <file or name> <action> [<key=val> ...]\n" +
			"agent [options] test <file or name> [<action> [<key=val> ...]]\n" +
			"agent [options] list",
		Short: "Write, try and list agents in any language",
		Example: "    mco agent new hello --lang python\n" +
			"    mco agent run ./hello hello name=Ann\n" +
			"    mco agent test ./hello\n" +
			"    mco agent list",
	}
	set := cmd.Flags()
	cli.Text(set, cli.GroupOwn, &o.lang, "lang", "l", "LANGUAGE", "Language of a new agent: "+strings.Join(sdk.Languages(), ", "))
	cli.Text(set, cli.GroupOwn, &o.dir, "dir", "d", "DIRECTORY", "Directory of the agents, instead of the configured one; of a new agent")
	o.Output.Add(set)
	set.BoolVar(&env.Raw, "raw", false, cli.RawUsage)
	set.BoolVarP(&o.Results.JSON, "json", "j", false, "Print results as JSON")
	cli.Text(set, cli.GroupAlways, &o.Config, "config", "c", "FILE", "Read this configuration of a node")
	set.BoolVarP(&o.Verbose, "verbose", "v", false, "Print all that the agent logs")
	cli.Group(set, cli.GroupAlways, "verbose")
	cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return complete.Matching([]string{"list", "new", "run", "test"}, word), cobra.ShellCompDirectiveNoFileComp
		}
		return nil, cobra.ShellCompDirectiveDefault
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.Output.Check(&o.Flags); err != nil {
			return err
		}
		ctx, stop := env.Interruptible(cmd.Context())
		defer stop()
		return o.run(ctx, env, args)
	}
	return cmd
}

func (o *agentOptions) run(ctx context.Context, env *cli.Env, args []string) error {
	const hint = "Use one of: new, run, test, list; see mco help agent"
	if len(args) == 0 {
		return usage.Hinted(errors.New("mco agent needs to know what to do"), hint)
	}
	needs := map[string]int{"new": 2, "run": 3, "test": 2, "list": 1}[args[0]]
	most := map[string]int{"new": 2, "list": 1}[args[0]]
	switch {
	case needs == 0:
		return usage.Hinted(fmt.Errorf("mco agent cannot %q", args[0]), hint)
	case len(args) < needs || most > 0 && len(args) > most:
		return usage.Errorf("mco agent %s is not called like this; see mco help agent", args[0])
	}
	switch args[0] {
	case "new":
		return o.create(env, args[1])
	case "list":
		return o.list(ctx, env)
	}
	a, err := o.open(ctx, env, args[1])
	if err != nil {
		return err
	}
	defer a.close()
	var action string
	var inputs []rpc.Argument
	if len(args) > 2 {
		action = args[2]
		for _, arg := range args[3:] {
			name, value, ok := strings.Cut(arg, "=")
			if !ok || name == "" {
				return usage.Errorf("Could not parse %s: inputs have the form key=val", arg)
			}
			inputs = append(inputs, rpc.Argument{Name: name, Text: value})
		}
	}
	if args[0] == "test" {
		return o.test(ctx, a, action, inputs)
	}
	return o.call(ctx, a, action, inputs)
}

// create writes the files of a new agent. It replaces none but the helper of the
// language, if that is the one of this program already.
func (o *agentOptions) create(env *cli.Env, name string) error {
	if !known.IsAgentName(name) {
		return usage.Errorf("invalid name of an agent: %s; it may have letters, digits and _", name)
	}
	if o.lang == "" {
		return usage.Hinted(usage.Errorf("new needs --lang"), "The languages are "+strings.Join(sdk.Languages(), ", "))
	}
	files, err := sdk.New(name, o.lang)
	if err != nil {
		return usage.Hinted(err, "")
	}
	dir := o.dir
	if dir == "" {
		dir = "."
	}
	for i, f := range files {
		files[i].Name = filepath.Join(dir, f.Name)
		there, err := os.ReadFile(files[i].Name)
		if err == nil && string(there) != string(f.Text) {
			return fmt.Errorf("%s is there already; nothing was written", files[i].Name)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range files {
		if err := os.WriteFile(f.Name, f.Text, f.Mode); err != nil {
			return err
		}
		fmt.Fprintln(env.Out, f.Name)
	}
	path := files[0].Name
	if !strings.HasPrefix(path, "/") && !strings.HasPrefix(path, ".") {
		path = "./" + path
	}
	fmt.Fprintf(env.Err, "Try it: mco agent run %s hello name=World\n", path)
	return nil
}

// nodeConfig returns the configuration of the node on this machine. There need be none.
func (o *agentOptions) nodeConfig() (*config.Config, error) {
	path := o.Config
	if path == "" {
		path, _ = config.FindServer(nil)
	}
	cfg, err := config.Load(path, config.Server)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return cfg, nil
}

// logTo returns the log of what agents say, for the one who writes them.
func (o *agentOptions) logTo(env *cli.Env) (*slog.Logger, io.Closer, error) {
	level := "info"
	if o.Verbose {
		level = "debug"
	}
	return logging.New(logging.Options{Type: "console", Level: level, Console: env.Err, Color: env.Color(env.ErrTerminal), Now: env.Now})
}

// An agentTrial is one agent that its author tries.
type agentTrial struct {
	*agenthost.Agent
	env     *cli.Env
	cfg     *config.Config
	name    string
	cleanup []func() error
}

func (a *agentTrial) close() {
	for i := len(a.cleanup) - 1; i >= 0; i-- {
		_ = a.cleanup[i]() // the answer is here, and nothing of ours stays
	}
}
