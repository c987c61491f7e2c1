package facts

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"mcollective/internal/plainfile"
)

// A machine is where the builtin facts are read. Linux tells everything in
// files, so no library is needed; gopsutil would add 0.4 MB and its start-up.
type machine struct {
	root     string // in front of every path; tests have machines of their own
	hostname string
	kernel   string // Linux
	release  string // 5.10.0-21-amd64
	hardware string // x86_64
	ifaces   func() ([]iface, error)
	statfs   func(path string) (size, free, available uint64, err error)
}

// thisMachine returns the one that the process runs on.
func thisMachine() machine {
	var u unix.Utsname
	_ = unix.Uname(&u) // cannot fail with a valid pointer
	host, _ := os.Hostname()
	return machine{
		root: "/", hostname: host,
		kernel: unix.ByteSliceToString(u.Sysname[:]), release: unix.ByteSliceToString(u.Release[:]),
		hardware: unix.ByteSliceToString(u.Machine[:]),
		ifaces:   interfaces, statfs: statfs,
	}
}

// builtinLayers returns the builtin facts in three groups: what changes every
// second, what hardly changes, and what may wait for a disk.
func builtinLayers(o Options) []*layer {
	m := thisMachine()
	system := newLayer("builtin", o, func(context.Context) (Set, error) { return m.system() })
	live := newLayer("live", o, func(context.Context) (Set, error) { return m.live(), nil })
	live.every = o.LiveTime
	disks := newLayer("disks", o, func(context.Context) (Set, error) { return m.disks(), nil })
	return []*layer{system, live, disks}
}

// system returns the facts that change when somebody changes the machine.
func (m machine) system() (Set, error) {
	all := Set{}
	net, err := m.network()
	d := m.distro()
	virtual := m.virtual()
	os := d.facts()
	se, legacy := m.selinux()
	putMap(os["os"].(map[string]any), "selinux", se)
	for _, s := range []Set{
		os, legacy, kernel(m.kernel, m.release), m.processors(d.family), net, process(), m.dmi(), m.kernelModes(), m.ssh(),
		{"virtual": virtual, "is_virtual": truth(virtual != "physical")},
	} {
		maps.Copy(all, s)
	}
	return all, err
}

func truth(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// read returns a small file's text without blank space around it, or "".
func (m machine) read(path string) string {
	data, err := plainfile.Text(filepath.Join(m.root, path), 8<<20)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(strings.ToValidUTF8(string(data), "\uFFFD"))
}

func (m machine) exists(path string) bool {
	_, err := os.Stat(filepath.Join(m.root, path))
	return err == nil
}

// names returns the names in a directory, sorted.
func (m machine) names(path string) []string {
	entries, _ := os.ReadDir(filepath.Join(m.root, path))
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}

// live returns the facts that change all the time.
func (m machine) live() Set {
	all := m.memory()
	for _, s := range []Set{m.uptime(), m.loads()} {
		maps.Copy(all, s)
	}
	// The clocks go forward and back while a daemon runs.
	zone, _ := time.Now().Zone()
	put(all, "timezone", zone)
	return all
}
