package collective

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"mcollective/filter"
	"mcollective/internal/cli"
	"mcollective/rpc"
)

// hintWhy tells people that there is a way to find out why nobody was found.
func hintWhy(env *cli.Env, f filter.Filter, agent string) {
	if agent == rpc.UtilAgent {
		agent = "" // nodes without it are rare, and it would only puzzle
	}
	if !env.ErrTerminal || f.Empty() && agent == "" {
		return
	}
	words := strings.TrimSpace(strings.Join([]string{f.String(), agent}, " "))
	fmt.Fprintf(env.Err, "'%s why %s' says which part of that excludes whom.\n", filepath.Base(env.Name), words)
}

// HintWhyAfter is hintWhy for the commands that only look for nodes, once they
// ended without any.
func HintWhyAfter(env *cli.Env, cmd *cobra.Command, err error) error {
	var ended *cli.ExitError
	if !env.ErrTerminal || !errors.As(err, &ended) {
		return err
	}
	var h Hosts
	for flag, to := range map[string]*[]string{
		"with": &h.with, "select": &h.selects, "with-fact": &h.facts, "with-class": &h.classes, "with-agent": &h.agents, "with-identity": &h.Identities,
	} {
		*to, _ = cmd.Flags().GetStringArray(flag)
	}
	quiet := *env
	quiet.Err = io.Discard // the command itself has said what is odd about the filter
	if f, err := h.Parse(&quiet); err == nil {
		hintWhy(env, f, "")
	}
	return err
}
