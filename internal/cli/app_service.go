package cli

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mcollective/internal/usage"
)

// twoWords is what applications take that do something with a thing of a name, in
// either order: NAME ACTION or ACTION NAME. An action alone may be one that needs
// no name.
func twoWords(words []string, in *inputs, input string, actions []string) (string, error) {
	switch {
	case len(words) == 1:
		return words[0], nil
	case len(words) > 2:
		return "", usage.Errorf("%q is one word too many", words[2])
	case slices.Contains(actions, words[0]) && !slices.Contains(actions, words[1]):
		words[0], words[1] = words[1], words[0]
	}
	in.set(input, words[0])
	return words[1], nil
}

func newService(env *Env) *cobra.Command {
	actions := []string{"status", "start", "stop", "restart", "enable", "disable"}
	return newApplication(env, &application{
		agent: "service",
		about: "Manages system services",
		usage: []string{"<service> <start|stop|restart|status|enable|disable>"},
		example: "    mco service sshd status\n" +
			"    mco service httpd restart -C webserver --batch 10%\n" +
			"    mco service httpd restart -F operatingsystem=CentOS -F timezone=CET",
		words: func(words []string, in *inputs) (string, error) {
			return twoWords(words, in, "service", actions)
		},
		actions: actions,
	})
}

func newPackage(env *Env) *cobra.Command {
	named := []string{"status", "install", "update", "uninstall", "purge", "search"}
	all := append(slices.Clone(named), "count", "md5", "upgradable", "checkupdates", "apt_update", "apt_checkupdates", "yum_clean", "yum_checkupdates")
	return newApplication(env, &application{
		agent: "package",
		about: "Installs, updates and removes software packages",
		usage: []string{
			"<package> <install|update|uninstall|purge|status> [--version <version>]",
			"search <word>",
			"<count|md5|upgradable|checkupdates|apt_update|apt_checkupdates|yum_clean|yum_checkupdates>",
		},
		example: "    mco package nginx status\n" +
			"    mco package nginx install --version 1.24.0-1 -C webserver\n" +
			"    mco package upgradable -o table",
		flags: func(set *pflag.FlagSet) {
			text(set, groupOwn, new(string), "version", "", "VERSION", "The version of the package to install")
		},
		words: func(words []string, in *inputs) (string, error) {
			in.take("version")
			if len(words) == 2 && words[0] == "search" {
				in.set("pattern", words[1])
				return "search", nil
			}
			return twoWords(words, in, "package", named)
		},
		actions: all,
	})
}
