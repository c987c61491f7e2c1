// Package ddl is mco ddl, which checks, converts and shows definitions.
package ddl

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mcollective/ddl"
	"mcollective/ddl/rubyddl"
	"mcollective/internal/cli"
	"mcollective/internal/safetext"
	"mcollective/internal/usage"
)

// definitionForms are the extensions of files that hold definitions.
var definitionForms = []string{".ddl", ".yaml", ".yml", ".json"}

// New makes the command ddl.
func New(env *cli.Env) *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use:   "ddl check FILE... | convert FILE [--to FORM] | show FILE | schema",
		Short: "Check, convert and show the definitions of plugins",
		Example: "    mco ddl check agent/*.ddl\n" +
			"    mco ddl convert package.ddl > package.yaml\n" +
			"    mco ddl convert package.yaml --to ruby > package.ddl\n" +
			"    mco ddl show package.ddl\n" +
			"    mco ddl schema > definition.schema.json",
	}
	cmd.Flags().StringVar(&to, "to", "yaml", "The form to convert to: yaml, json or ruby")
	cli.Takes(cmd.Flags(), "to", "FORM")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage.Hinted(errors.New("mco ddl needs to know what to do"), "Use one of: check, convert, show, schema; see mco help ddl")
		}
		files := args[1:]
		switch args[0] {
		case "check":
			return checkDefinitions(env, files)
		case "schema":
			if len(files) > 0 {
				return usage.Errorf("mco ddl schema takes no arguments")
			}
			_, err := env.Out.Write(ddl.Schema())
			return err
		case "convert", "show":
			if len(files) != 1 {
				return usage.Errorf("mco ddl %s takes one file, not %d", args[0], len(files))
			}
			d, err := readDefinition(files[0])
			if err != nil {
				return err
			}
			if args[0] == "show" {
				_, err := fmt.Fprint(env.Out, safetext.Clean(d.Help(cli.Width(env))))
				return err
			}
			return convertDefinition(env, d, to)
		}
		return usage.Hinted(fmt.Errorf("mco ddl cannot %q", args[0]), "Use one of: check, convert, show, schema; see mco help ddl")
	}
	return cmd
}

func readDefinition(path string) (*ddl.Definition, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the definition: %w", err)
	}
	return rubyddl.Parse(path, data)
}

func convertDefinition(env *cli.Env, d *ddl.Definition, to string) error {
	var out []byte
	var err error
	switch to {
	case "yaml":
		out, err = d.YAML()
	case "json":
		out, err = d.JSON()
	case "ruby", "ddl":
		out = rubyddl.Format(d)
	default:
		return usage.Errorf("invalid argument: --to %s: it must be yaml, json or ruby", to)
	}
	if err != nil {
		return err
	}
	if len(out) == 0 || out[len(out)-1] != '\n' {
		out = append(out, '\n')
	}
	_, err = env.Out.Write(out)
	return err
}

// checkDefinitions says of each file what it defines, or why it cannot be used.
// Those of a directory are the definitions anywhere inside.
func checkDefinitions(env *cli.Env, args []string) error {
	if len(args) == 0 {
		return usage.Errorf("mco ddl check needs files or directories")
	}
	var files []string
	for _, arg := range args {
		found, err := definitionFiles(arg)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return fmt.Errorf("no file below %s ends in %s", arg, strings.Join(definitionForms, ", "))
		}
		files = append(files, found...)
	}
	broken := 0
	for _, file := range files {
		d, err := readDefinition(file)
		if err != nil {
			broken++
			fmt.Fprintln(env.Err, env.Paint(cli.StyleRed, safetext.Clean(err.Error())))
			continue
		}
		fmt.Fprintf(env.Out, "%s: %s\n", safetext.CleanLine(file), safetext.Clean(describeDefinition(d)))
	}
	if broken > 0 {
		fmt.Fprintf(env.Err, "%d of %d definitions cannot be used\n", broken, len(files))
		return cli.Exit(cli.ExitFailed)
	}
	return nil
}

func definitionFiles(arg string) ([]string, error) {
	info, err := os.Stat(arg)
	if err != nil {
		return nil, fmt.Errorf("cannot read the definition: %w", err)
	}
	if !info.IsDir() {
		return []string{arg}, nil
	}
	var files []string
	err = filepath.WalkDir(arg, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && slices.Contains(definitionForms, strings.ToLower(filepath.Ext(path))) {
			files = append(files, path)
		}
		return err
	})
	return files, err
}

// describeDefinition returns one line on what a definition defines.
func describeDefinition(d *ddl.Definition) string {
	s := fmt.Sprintf("%s %s", d.Kind, d.Metadata.Agent)
	if d.Metadata.Version != "" {
		s += " " + d.Metadata.Version
	}
	switch {
	case d.Kind == ddl.Agent:
		names := make([]string, len(d.Actions))
		for i, a := range d.Actions {
			names[i] = a.Name
		}
		if len(names) == 0 {
			return s + ", no actions"
		}
		return s + ", actions " + strings.Join(names, ", ")
	case d.Query != nil:
		names := make([]string, len(d.Query.Outputs))
		for i, o := range d.Query.Outputs {
			names[i] = o.Name
		}
		return s + ", outputs " + strings.Join(names, ", ")
	case len(d.Capabilities) > 0:
		return s + ", by " + strings.Join(d.Capabilities, ", ")
	}
	return s
}
