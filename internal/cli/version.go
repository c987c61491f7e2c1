package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

// version is set by the linker (-X mcollective/internal/cli.version=...).
var version = "0.1.0-dev"

// Version returns the version of this program.
func Version() string { return version }

// NewVersion makes the command version.
func NewVersion(env *Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show the version of this program",
		Args:  cobra.NoArgs,
	}
	verbose := cmd.Flags().BoolP("verbose", "v", false, "Show what it was built with, too")
	cmd.RunE = func(*cobra.Command, []string) error {
		fmt.Fprintf(env.Out, "%s\n", Version())
		if *verbose {
			fmt.Fprintf(env.Out, "%s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
		}
		return nil
	}
	return cmd
}
