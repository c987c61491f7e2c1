package packages

import (
	"context"
	"strings"

	"mcollective/internal/run"
)

// rpmStatus asks the database that dnf, yum and zypper share. Of several
// versions, as of a kernel, the last installed one counts. absent is the word
// for a package that is not there.
func rpmStatus(ctx context.Context, o Options, name, absent string) (info, error) {
	r, err := o.Run(ctx, run.Command{Path: "rpm", Args: []string{"-q", "--qf", `%{NAME}\t%{EPOCH}\t%{VERSION}\t%{RELEASE}\t%{ARCH}\n`, "--", name}})
	if err != nil {
		return info{}, err
	}
	i := info{name: name, ensure: absent}
	for line := range strings.Lines(string(r.Stdout)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 5 {
			continue // "package nginx is not installed"
		}
		i = info{name: f[0], epoch: f[1], version: f[2], release: f[3], arch: f[4], ensure: f[2] + "-" + f[3], present: true}
		if i.epoch == "(none)" {
			i.epoch = "0"
		}
		if i.epoch != "0" {
			i.ensure = i.epoch + ":" + i.ensure
		}
	}
	if r.Exit != 0 && !strings.Contains(string(r.Stdout), "is not installed") {
		return info{}, complaint("rpm", r)
	}
	return i, nil
}

func rpmList() run.Command {
	return run.Command{Path: "rpm", Args: []string{"-qa"}, MaxStdout: maxList}
}

// yum is Red Hat's, by that program or its successor dnf.
type yum struct{ program string }

func (y yum) name() string { return y.program }

func (yum) status(ctx context.Context, o Options, name string) (info, error) {
	return rpmStatus(ctx, o, name, "purged")
}

// known asks for all versions, and for the one that is wanted as change does: a
// version could end what begins another package's name.
func (y yum) known(name, version string) run.Command {
	return run.Command{Path: y.program, Args: []string{"-q", "--showduplicates", "list", y.full(name, version)}}
}

func (yum) full(name, version string) string {
	if version != "" {
		name += "-" + version
	}
	return name
}

// names reads the same lines as update.
func (y yum) names(out, asked string) []string {
	var all []string
	for _, u := range y.update(out) {
		name := u.name
		if i := strings.LastIndexByte(name, '.'); name != asked && i >= 0 {
			name = name[:i] // its architecture
		}
		all = append(all, name)
	}
	return all
}

func (y yum) change(verb, name, version string, noop bool) run.Command {
	yes := "-y"
	if noop {
		yes = "--assumeno"
	}
	word := map[string]string{"install": "install", "update": "update", "uninstall": "remove", "purge": "remove"}[verb]
	return run.Command{Path: y.program, Args: []string{yes, word, y.full(name, version)}, Background: true, MaxStdout: maxList}
}

func (yum) installed() run.Command { return rpmList() }

func (yum) line(text string) bool { return text != "" }

func (y yum) refresh() run.Command {
	return run.Command{Path: y.program, Args: []string{"-q", "makecache"}}
}

func (y yum) updates() run.Command {
	return run.Command{Path: y.program, Args: []string{"-q", "check-update"}}
}

// update reads "kernel.x86_64   2.6.32-754.el6   updates". yum goes on in the next
// line after a long name. What would be replaced by another package comes after
// a heading and is left out.
func (yum) update(out string) []update {
	var all []update
	var words []string
	for line := range strings.Lines(out) {
		if strings.HasPrefix(strings.ToLower(line), "obsoleting packages") {
			break
		}
		words = append(words, strings.Fields(line)...)
		switch {
		case len(words) == 3 && strings.Contains(words[0], "."):
			all = append(all, update{words[0], words[1], words[2]})
			words = nil
		case len(words) != 1 && len(words) != 2, !strings.Contains(words[0], "."):
			words = nil // not about a package
		}
	}
	return all
}

func (y yum) search(word string) run.Command {
	return run.Command{Path: y.program, Args: []string{"-q", "search", word}}
}

// found reads "nginx.x86_64 : A high performance web server" among headings of
// "====". dnf5 indents by a blank and separates by a tab.
func (yum) found(out string) []found {
	var all []found
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		name, summary, ok := strings.Cut(line, " : ")
		if !ok {
			name, summary, ok = strings.Cut(line, "\t")
		}
		if name = strings.TrimSpace(name); ok && name != "" && !strings.ContainsAny(name, " =") {
			all = append(all, found{name, strings.TrimSpace(summary)})
		}
	}
	return all
}

// zypper is SUSE's.
type zypper struct{}

func (zypper) name() string { return "zypper" }

func (zypper) status(ctx context.Context, o Options, name string) (info, error) {
	return rpmStatus(ctx, o, name, "absent")
}

func (zypper) known(name, _ string) run.Command {
	return run.Command{Path: "zypper", Args: []string{"--non-interactive", "-q", "search", "--match-exact", "--type", "package", "--", name}}
}

func (z zypper) names(out, _ string) []string {
	var all []string
	for _, f := range z.found(out) {
		all = append(all, f.name)
	}
	return all
}

// change installs and removes by name only, where zypper else looks for what
// provides it too.
func (zypper) change(verb, name, version string, noop bool) run.Command {
	args := []string{"--non-interactive"}
	switch verb {
	case "install":
		args = append(args, "install", "--name", "--auto-agree-with-licenses")
		if version != "" {
			name += "=" + version
			args = append(args, "--oldpackage")
		}
	case "update":
		args = append(args, "update", "--auto-agree-with-licenses")
	default:
		args = append(args, "remove", "--name")
	}
	if noop {
		args = append(args, "--dry-run")
	}
	return run.Command{Path: "zypper", Args: append(args, "--", name), Background: true, MaxStdout: maxList}
}

func (zypper) installed() run.Command { return rpmList() }

func (zypper) line(text string) bool { return text != "" }

func (zypper) refresh() run.Command {
	return run.Command{Path: "zypper", Args: []string{"--non-interactive", "refresh"}}
}

func (zypper) updates() run.Command {
	return run.Command{Path: "zypper", Args: []string{"--non-interactive", "-q", "list-updates"}}
}

// update reads "v | Main Repository | bash | 4.4-9.10.1 | 4.4-9.14.1 | x86_64".
func (zypper) update(out string) []update {
	var all []update
	for _, f := range rows(out) {
		if len(f) >= 6 && f[2] != "Name" {
			all = append(all, update{f[2], f[4], f[1]})
		}
	}
	return all
}

func (zypper) search(word string) run.Command {
	return run.Command{Path: "zypper", Args: []string{"--non-interactive", "-q", "search", "--type", "package", "--", word}}
}

// found reads "i+ | nginx | A HTTP server | package".
func (zypper) found(out string) []found {
	var all []found
	for _, f := range rows(out) {
		if len(f) >= 4 && f[1] != "Name" {
			all = append(all, found{f[1], f[2]})
		}
	}
	return all
}

// rows returns the lines of a table whose columns bars separate.
func rows(out string) [][]string {
	var all [][]string
	for line := range strings.Lines(out) {
		f := strings.Split(line, "|")
		for i := range f {
			f[i] = strings.TrimSpace(f[i])
		}
		all = append(all, f)
	}
	return all
}
