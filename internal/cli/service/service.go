// Package service is mco service and mco package.
package service

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mcollective/internal/cli"
	"mcollective/internal/cli/application"
	"mcollective/internal/usage"
)

// twoWords returns what applications take that do something with a thing of a name, in
// either order: NAME ACTION or ACTION NAME. An action alone may be one that needs
// no name.
func twoWords(words []string, in *application.Inputs, input string, actions []string) (string, error) {
	switch {
	case len(words) == 1:
		return words[0], nil
	case len(words) > 2:
		return "", usage.Errorf("%q is one word too many", words[2])
	case slices.Contains(actions, words[0]) && !slices.Contains(actions, words[1]):
		words[0], words[1] = words[1], words[0]
	}
	in.Set(input, words[0])
	return words[1], nil
}

// New makes the command service.
func New(env *cli.Env) *cobra.Command {
	actions := []string{"status", "start", "stop", "restart", "enable", "disable"}
	return application.New(env, &application.Application{
		Agent: "service",
		About: "Manage system services",
		Usage: []string{"<service> <start|stop|restart|status|enable|disable>"},
		Example: "    mco service sshd status\n" +
			"    mco service httpd restart -C webserver --batch 10%\n" +
			"    mco service httpd restart -F operatingsystem=CentOS -F timezone=CET",
		Words: func(words []string, in *application.Inputs) (string, error) {
			return twoWords(words, in, "service", actions)
		},
		Actions: actions,
	})
}

// NewPackage makes the command package.
func NewPackage(env *cli.Env) *cobra.Command {
	named := []string{"status", "install", "update", "uninstall", "purge", "search"}
	all := append(slices.Clone(named), "count", "md5", "upgradable", "checkupdates", "apt_update", "apt_checkupdates", "yum_clean", "yum_checkupdates")
	return application.New(env, &application.Application{
		Agent: "package",
		About: "Install, update and remove software packages",
		Usage: []string{
			"<package> <install|update|uninstall|purge|status> [--version <version>]",
			"search <word>",
			"<count|md5|upgradable|checkupdates>",
			"<apt_update|apt_checkupdates|yum_clean|yum_checkupdates>",
		},
		Example: "    mco package nginx status\n" +
			"    mco package nginx install --version 1.24.0-1 -C webserver\n" +
			"    mco package upgradable -o table",
		Flags: func(set *pflag.FlagSet) {
			cli.Text(set, cli.GroupOwn, new(string), "version", "", "VERSION", "Version of the package to install")
		},
		Words: func(words []string, in *application.Inputs) (string, error) {
			in.Take("version")
			if len(words) == 2 && words[0] == "search" {
				in.Set("pattern", words[1])
				return "search", nil
			}
			return twoWords(words, in, "package", named)
		},
		Actions: all,
	})
}
