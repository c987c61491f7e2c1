package puppet

import (
	"os"
	"path/filepath"
	"testing"
)

// TestWhichPuppet has the directories of Puppet's own packages, and a configuration that says otherwise.
func TestWhichPuppet(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "opt/puppetlabs/puppet"), 0o755); err != nil {
		t.Fatal(err)
	}
	const vendors, systems = "opt/puppetlabs/puppet/cache/state/agent_disabled.lock", "var/lib/puppet/state/agent_disabled.lock"
	for _, c := range []struct {
		config, command, want string
	}{
		{"", "puppet", vendors}, {"/etc/puppet/puppet.conf", "puppet", systems}, {"/etc/puppetlabs/puppet/puppet.conf", "puppet", vendors},
		{"", "/no/such/bin/puppet", systems}, {"", "/opt/puppetlabs/bin/puppet", vendors}, {"/srv/puppet.conf", "puppet", vendors}, {"", "/no/such/bin/wrapper", vendors}, {"/etc/puppet/puppet.conf", "/opt/puppetlabs/bin/puppet", systems},
	} {
		o := Options{Root: root, Config: c.config, Command: []string{c.command, "agent"}}.settled()
		if got := o.settings()["agent_disabled_lockfile"]; got != filepath.Join(root, c.want) {
			t.Errorf("%q %q: %s, want %s", c.config, c.command, got, c.want)
		}
	}
}
