package packages

import (
	"context"
	"strings"

	"mcollective/internal/run"
)

// apk is Alpine's.
type apk struct{}

func (apk) name() string { return "apk" }

// status reads "nginx-1.24.0-r7 x86_64 {nginx} (BSD-2-Clause) [installed]".
func (apk) status(ctx context.Context, o Options, name string) (info, error) {
	r, err := o.Run(ctx, run.Command{Path: "apk", Args: []string{"list", "--installed", name}})
	if err != nil {
		return info{}, err
	}
	if r.Exit != 0 {
		return info{}, complaint("apk", r)
	}
	for line := range strings.Lines(string(r.Stdout)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		if n, version, release := splitAPK(f[0]); n == name {
			return info{name: name, version: version, release: release, arch: f[1], ensure: version + "-" + release, present: true}, nil
		}
	}
	return info{name: name, ensure: "absent"}, nil
}

// splitAPK takes "nginx-mod-http-1.24.0-r7" apart.
func splitAPK(full string) (name, version, release string) {
	i := strings.LastIndexByte(full, '-')
	if i < 0 {
		return full, "", ""
	}
	rest, release := full[:i], full[i+1:]
	if i = strings.LastIndexByte(rest, '-'); i < 0 {
		return full, "", ""
	}
	return rest[:i], rest[i+1:], release
}

func (apk) known(name, _ string) run.Command {
	return run.Command{Path: "apk", Args: []string{"list", name}}
}

// names reads what status does; "[installed]" or nothing is at the end.
func (apk) names(out, _ string) []string {
	var all []string
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) >= 2 {
			name, _, _ := splitAPK(f[0])
			all = append(all, name)
		}
	}
	return all
}

func (apk) change(verb, name, version string, noop bool) run.Command {
	args := []string{"--no-progress"}
	if noop {
		args = append(args, "--simulate")
	}
	switch verb {
	case "install":
		if version != "" {
			name += "=" + version
		}
		args = append(args, "add")
	case "update":
		args = append(args, "add", "--upgrade")
	case "uninstall":
		args = append(args, "del")
	case "purge":
		args = append(args, "del", "--purge")
	}
	return run.Command{Path: "apk", Args: append(args, name), Background: true, MaxStdout: maxList}
}

func (apk) installed() run.Command {
	return run.Command{Path: "apk", Args: []string{"info", "-v"}, MaxStdout: maxList}
}

func (apk) line(text string) bool { return text != "" }

func (apk) refresh() run.Command {
	return run.Command{Path: "apk", Args: []string{"--no-progress", "update"}}
}

func (apk) updates() run.Command {
	return run.Command{Path: "apk", Args: []string{"list", "--upgradable"}}
}

// update reads "busybox-1.36.1-r16 x86_64 {busybox} (GPL-2.0-only) [upgradable from: busybox-1.36.1-r15]".
func (apk) update(out string) []update {
	var all []update
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) < 3 || !strings.Contains(line, "[upgradable from: ") {
			continue
		}
		name, version, release := splitAPK(f[0])
		all = append(all, update{name, version + "-" + release, strings.Trim(f[2], "{}")})
	}
	return all
}

func (apk) search(word string) run.Command {
	return run.Command{Path: "apk", Args: []string{"search", "-v", word}}
}

func (apk) found(out string) []found {
	var all []found
	for line := range strings.Lines(out) {
		full, summary, ok := strings.Cut(strings.TrimSpace(line), " - ")
		if ok {
			name, _, _ := splitAPK(full)
			all = append(all, found{name, summary})
		}
	}
	return all
}
