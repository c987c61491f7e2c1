package packages

import (
	"context"
	"slices"
	"strings"

	"mcollective/internal/run"
)

// apt is Debian's and Ubuntu's.
type apt struct{}

func (apt) name() string { return "apt" }

// status asks dpkg. Of several architectures the one that is installed counts.
func (apt) status(ctx context.Context, o Options, name string) (info, error) {
	r, err := o.Run(ctx, run.Command{Path: "dpkg-query", Args: []string{"-W", "-f", `${Package}\t${Version}\t${Architecture}\t${db:Status-Status}\n`, "--", name}})
	if err != nil {
		return info{}, err
	}
	if r.Exit > 1 {
		return info{}, complaint("dpkg-query", r)
	}
	best := info{name: name, ensure: "purged"}
	for line := range strings.Lines(string(r.Stdout)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 4 || f[3] == "not-installed" || best.present {
			continue
		}
		best = info{name: name, arch: f[2], ensure: "absent"}
		if f[3] != "config-files" {
			best.ensure, best.present = f[1], true
			best.version = f[1]
			if epoch, rest, ok := strings.Cut(best.version, ":"); ok {
				best.epoch, best.version = epoch, rest
			}
			if i := strings.LastIndexByte(best.version, '-'); i >= 0 {
				best.version, best.release = best.version[:i], best.version[i+1:]
			}
		}
	}
	return best, nil
}

// aptEnv keeps every part of an installation from asking.
var aptEnv = []string{"DEBIAN_FRONTEND=noninteractive", "APT_LISTCHANGES_FRONTEND=none", "APT_LISTBUGS_FRONTEND=none", "UCF_FORCE_CONFFOLD=1", "NEEDRESTART_MODE=l"}

// exact keeps apt from taking a name for a regular expression or a glob. Versions
// before 2.0 ignore it.
const exact = "APT::Cmd::Pattern-Only=true"

func (apt) known(name, _ string) run.Command {
	return run.Command{Path: "apt-cache", Args: []string{"-o", exact, "show", "--no-all-versions", "--", name}}
}

// names reads the fields Package and Architecture, which come in that order.
func (apt) names(out, asked string) []string {
	var all []string
	base, wanted, _ := strings.Cut(asked, ":")
	for line := range strings.Lines(out) {
		key, value, _ := strings.Cut(strings.TrimRight(line, "\n"), ": ")
		switch {
		case key == "Package":
			all = append(all, value)
		case key == "Architecture" && len(all) > 0 && all[len(all)-1] == base && slices.Contains([]string{value, "native", "any"}, wanted),
			key == "Architecture" && value == "all" && len(all) > 0 && all[len(all)-1] == base:
			all[len(all)-1] = asked
		}
	}
	return all
}

func (apt) provides(name string) run.Command {
	return run.Command{Path: "apt-cache", Args: []string{"-o", exact, "showpkg", "--", name}}
}

// providers reads "Package: awk", and later lines like "mawk 1.3.4 (= )" after
// the heading "Reverse Provides:". Several versions of one come one by one.
func (apt) providers(out, name string) []string {
	var all []string
	ours, list := false, false
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if of, ok := strings.CutPrefix(line, "Package: "); ok {
			ours, list = of == name, false
			continue
		}
		if provider, _, ok := strings.Cut(line, " "); list && ok && !slices.Contains(all, provider) {
			all = append(all, provider)
		}
		list = list || ours && line == "Reverse Provides:"
	}
	return all
}

func (apt) change(verb, name, version string, noop bool) run.Command {
	args := []string{"-q", "-y", "-o", exact, "-o", "DPkg::Options::=--force-confold", "-o", "DPkg::Options::=--force-confdef"}
	if noop {
		args = append(args, "--simulate")
	}
	switch verb {
	case "install":
		// A version that was asked for may be an older one.
		if version != "" {
			name += "=" + version
			args = append(args, "--allow-downgrades")
		}
		args = append(args, "install")
	case "update":
		args = append(args, "--only-upgrade", "install")
	case "uninstall":
		args = append(args, "remove")
	case "purge":
		args = append(args, "purge")
	}
	return run.Command{Path: "apt-get", Args: append(args, "--", name), Env: aptEnv, Background: true, MaxStdout: maxList}
}

func (apt) installed() run.Command {
	return run.Command{Path: "dpkg", Args: []string{"--list"}, MaxStdout: maxList}
}

func (apt) line(text string) bool { return strings.HasPrefix(text, "ii") }

func (apt) refresh() run.Command {
	return run.Command{Path: "apt-get", Args: []string{"-q", "update"}, Env: aptEnv}
}

func (apt) updates() run.Command {
	return run.Command{Path: "apt-get", Args: []string{"--simulate", "dist-upgrade"}, Env: aptEnv}
}

// update reads "Inst emacs23 [23.1+1-4] (23.1+1-4.1 Ubuntu:10.04/lucid-updates [amd64]) []".
// What would be installed newly has no version in brackets.
func (apt) update(out string) []update {
	var all []update
	for line := range strings.Lines(out) {
		rest, ok := strings.CutPrefix(line, "Inst ")
		if !ok {
			continue
		}
		name, rest, _ := strings.Cut(rest, " ")
		if !strings.HasPrefix(rest, "[") {
			continue
		}
		_, rest, _ = strings.Cut(rest, "(")
		rest, _, _ = strings.Cut(rest, ")")
		version, repo, ok := strings.Cut(rest, " ")
		if ok {
			all = append(all, update{name, version, repo})
		}
	}
	return all
}

func (apt) search(word string) run.Command {
	return run.Command{Path: "apt-cache", Args: []string{"search", "--", word}}
}

func (apt) found(out string) []found {
	var all []found
	for line := range strings.Lines(out) {
		if name, summary, ok := strings.Cut(strings.TrimSpace(line), " - "); ok {
			all = append(all, found{name, summary})
		}
	}
	return all
}
