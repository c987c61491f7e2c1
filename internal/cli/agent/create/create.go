// Package create writes the files of a new agent.
package create

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"mcollective/internal/cli"
	"mcollective/internal/clientfiles"
	"mcollective/internal/usage"
	"mcollective/sdk"
)

// Languages returns those in which a new agent may be written.
func Languages() []string { return sdk.Languages() }

// Run writes the files of a new agent into a directory. It replaces none but the helper of the
// language, if that is the one of this program already.
func Run(env *cli.Env, name, lang, dir string) error {
	if !clientfiles.IsAgentName(name) {
		return usage.Errorf("invalid name of an agent: %s; it may have letters, digits and _", name)
	}
	if lang == "" {
		return usage.Hinted(usage.Errorf("new needs --lang"), "The languages are "+strings.Join(Languages(), ", "))
	}
	files, err := sdk.New(name, lang)
	if err != nil {
		return usage.Hinted(err, "")
	}
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
	if lang == "go" { // what runs is not the source
		program := strings.TrimSuffix(path, ".go")
		fmt.Fprintf(env.Err, "Build it: go build -o %s %s\n", program, path)
		path = program
	}
	fmt.Fprintf(env.Err, "Try it: mco agent run %s hello name=World\n", path)
	return nil
}
