package puppet

import (
	"os"
	"path/filepath"
	"strings"

	"mcollective/internal/plainfile"
)

// maxSettings bounds puppet.conf.
const maxSettings = 1 << 20

// settings are where Puppet keeps its files: what puppet.conf says, or else the
// defaults of how it was installed. Puppet is not asked, since that takes it a
// second.
func (o Options) settings() map[string]string {
	there := func(name string) bool {
		_, err := os.Stat(filepath.Join(o.Root, name))
		return err == nil
	}
	s := map[string]string{
		"statedir": "$vardir/state", "lastrunreport": "$statedir/last_run_report.yaml", "resourcefile": "$statedir/resources.txt",
		"agent_disabled_lockfile": "$statedir/agent_disabled.lock", "agent_catalog_run_lockfile": "$statedir/agent_catalog_run.lock",
		"pidfile": "$rundir/agent.pid", "lastrunfile": "$publicdir/last_run_summary.yaml",
	}
	file := o.Config
	if o.vendor(there) {
		s["vardir"], s["rundir"], s["publicdir"] = "/opt/puppetlabs/puppet/cache", "/var/run/puppetlabs", "/opt/puppetlabs/puppet/public"
		s["confdir"] = "/etc/puppetlabs/puppet"
	} else {
		s["vardir"], s["rundir"], s["publicdir"], s["confdir"] = "/var/lib/puppet", "/var/run/puppet", "$vardir/public", "/etc/puppet"
		if there("var/cache/puppet") && !there("var/lib/puppet/state") {
			s["vardir"] = "/var/cache/puppet"
		}
	}
	if file == "" {
		file = filepath.Join(o.Root, s["confdir"], "puppet.conf")
	}
	read(file, s)
	files := make(map[string]string, len(s))
	for name, text := range s {
		files[name] = filepath.Join(o.Root, expand(s, text, 0))
	}
	// Before Puppet 7 the summary was with the rest of the state.
	if _, err := os.Stat(files["lastrunfile"]); err != nil {
		if old := filepath.Join(files["statedir"], "last_run_summary.yaml"); exists(old) {
			files["lastrunfile"] = old
		}
	}
	return files
}

// vendor reports whether Puppet is that of its own packages, which have paths of their own. The configuration
// decides, if it names a file or a program: both kinds may be installed, or one may have left its directory.
func (o Options) vendor(there func(string) bool) bool {
	config := filepath.Clean(o.Config)
	switch path := o.Command[0]; {
	case strings.HasPrefix(config, "/etc/puppetlabs/"):
		return true
	case strings.HasPrefix(config, "/etc/puppet/"):
		return false
	case filepath.IsAbs(path) && filepath.Base(path) == "puppet": // any other is a wrapper
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
		return strings.HasPrefix(path, "/opt/puppetlabs/")
	}
	return there("opt/puppetlabs/puppet") || there("etc/puppetlabs/puppet")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// read takes settings that are known from [main] and [agent], of which the latter
// counts.
func read(file string, s map[string]string) {
	text, err := plainfile.Text(file, maxSettings)
	if err != nil {
		return
	}
	section, fromAgent := "main", map[string]bool{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[]")
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		name = strings.TrimSpace(name)
		if _, known := s[name]; !ok || !known || strings.HasPrefix(line, "#") || section != "main" && section != "agent" || section == "main" && fromAgent[name] {
			continue
		}
		value, _, _ = strings.Cut(value, " {") // owner and mode
		s[name] = strings.TrimSpace(value)
		fromAgent[name] = section == "agent"
	}
}

// expand puts other settings in the place of $name and ${name}.
func expand(s map[string]string, text string, depth int) string {
	if depth > 8 {
		return text
	}
	return os.Expand(text, func(name string) string { return expand(s, s[name], depth+1) })
}
