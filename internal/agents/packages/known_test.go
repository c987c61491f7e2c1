package packages

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mcollective/internal/agents/agenttest"
	"mcollective/internal/dirtest"
	"mcollective/internal/run"
	"mcollective/internal/subtest"
	"mcollective/rpc"
)

const (
	aptShow    = "apt-cache -o APT::Cmd::Pattern-Only=true show --no-all-versions -- "
	aptShowpkg = "apt-cache -o APT::Cmd::Pattern-Only=true showpkg -- "
)

// knows is what the programs of a manager say of a package that exists.
func knows(manager, name string) map[string]answer {
	rpms := answer{out: "Installed Packages\n" + name + ".x86_64   5.1.8-2.el9   @base\nAvailable Packages\n" + name + ".x86_64   5.1.8-6.el9   base\n"}
	return map[string]map[string]answer{
		"apt":    {aptShow + name: {out: "Package: " + name + "\nArchitecture: amd64\nDescription: x\n Package: y\n"}},
		"dnf":    {"dnf -q --showduplicates list " + name: rpms, "dnf -q --showduplicates list " + name + "-5.1.8": rpms},
		"yum":    {"yum -q --showduplicates list " + name: rpms},
		"zypper": {"zypper --non-interactive -q search --match-exact --type package -- " + name: {out: "S  | Name | Summary | Type\n---+------+---------+--------\ni+ | " + name + " | x       | package\n"}},
		"apk":    {"apk list " + name: {out: name + "-5.2.15-r5 x86_64 {" + name + "} (GPL-3.0-or-later)\n" + name + "-5.2.15-r4 x86_64 {" + name + "} (GPL-3.0-or-later) [installed]\n"}},
	}[manager]
}

// What a package manager would take for another package is refused before it is
// asked to change anything.
func TestOnlyExactNames(t *testing.T) {
	for _, test := range []struct {
		manager, name, version string
		lines                  map[string]answer
		message                string // "" if the name is one
	}{
		{"apt", "perl.", "", map[string]answer{aptShow + "perl.": {out: "Package: perl-tk\nArchitecture: amd64\nPackage: libperl5\nArchitecture: amd64\n"}},
			`no package is called "perl.": apt would take it for libperl5, perl-tk; ask for a package by its own name`},
		{"apt", "perl.", "", map[string]answer{aptShow + "perl.": {exit: 100, err: "E: No packages found\n"}, aptShowpkg + "perl.": {exit: 100}},
			`no package is called "perl."; search finds packages, and refresh fetches newer lists of them`},
		{"apt", "perl+", "", map[string]answer{aptShow + "perl+": {exit: 100, err: "E: No packages found\n"}, aptShowpkg + "perl+": {exit: 100}},
			`no package is called "perl+"; search`},
		{"apt", "awk", "", map[string]answer{aptShow + "awk": {err: "N: Can't select versions from package 'awk' as it is purely virtual\nN: No packages found\n"},
			aptShowpkg + "awk": {out: "Package: awk\nVersions: \n\nReverse Depends: \n  other,awk\nDependencies: \nProvides: \nReverse Provides: \noriginal-awk 1:20220912-2 (= )\nmawk 1.3.4.20200120-3.1 (= )\nmawk 1.3.3 (= )\nPackage: gawk\nReverse Provides: \nx 1 (= )\n"}},
			`no package is called "awk", but some provide it; ask for one of these by its own name: original-awk, mawk`},
		{"apt", "libc6:i386", "", map[string]answer{aptShow + "libc6:i386": {out: "Package: libc6\nArchitecture: i386\n"}}, ""},
		{"apt", "perl-doc:amd64", "", map[string]answer{aptShow + "perl-doc:amd64": {out: "Package: perl-doc\nArchitecture: all\n"}}, ""},
		{"apt", "libx.y:i386", "", map[string]answer{aptShow + "libx.y:i386": {out: "Package: libx-y\nArchitecture: i386\n"}}, `would take it for libx-y`},
		{"apt", "bash", "", map[string]answer{aptShow + "bash": {exit: 100, err: "E: The package lists or status file could not be parsed or opened.\n"}},
			`apt-cache: E: The package lists or status file could not be parsed or opened.`},
		{"yum", "bash-4.1", "", map[string]answer{"yum -q --showduplicates list bash-4.1": {out: "Available Packages\nbash.x86_64   4.1-2   base\n"}}, `no package is called "bash-4.1": yum would take it for bash`},
		{"dnf", "webserver", "", map[string]answer{"dnf -q --showduplicates list webserver": {exit: 1, err: "Error: No matching Packages to list\n"}}, `no package is called "webserver"; search`},
		{"dnf", "java", "1.8.0-openjdk", map[string]answer{"dnf -q --showduplicates list java-1.8.0-openjdk": {out: "Available Packages\njava-1.8.0-openjdk.x86_64   1:1.8.0-2   base\n"}},
			`no package is called "java" in version 1.8.0-openjdk: dnf would take it for java-1.8.0-openjdk`},
		{"dnf", "bash.x86_64", "", map[string]answer{"dnf -q --showduplicates list bash.x86_64": knows("dnf", "bash")["dnf -q --showduplicates list bash"]}, ""},
		{"zypper", "webserver", "", map[string]answer{"zypper --non-interactive -q search --match-exact --type package -- webserver": {exit: 104, out: "No matching items found.\n"}}, `no package is called "webserver"; search`},
		{"apk", "sh", "", map[string]answer{"apk list sh": {}}, `no package is called "sh"; search`},
	} {
		t.Run(subtest.Name(test.manager, test.name), func(t *testing.T) {
			f := &tools{answers: map[string][]answer{}}
			for line, a := range test.lines {
				f.answers[line] = []answer{a}
			}
			a := machine(t, test.manager, f)
			m, err := a.opts.manager()
			if err != nil {
				t.Fatal(err)
			}
			err = a.opts.mustKnow(t.Context(), m, test.name, test.version)
			if err != nil != (test.message != "") || err != nil && !strings.Contains(err.Error(), test.message) {
				t.Errorf("%s %s: %v\nran %q", test.manager, test.name, err, f.ran)
			}
		})
	}
}

// The names that a package manager reads as something else never reach one.
func TestNamesOfEach(t *testing.T) {
	for _, test := range []struct {
		manager, bad, good string
	}{
		{"apt", "perl/stable perl=5 perl- ?installed ~i perl~ perl^ ./x.deb x.deb task^", "g++ libstdc++6 libc6:i386 python3.11 a"},
		{"yum", "@core bash* [b]ash 1:bash bash:x86_64 bash~1 bash^1 x.rpm (x) /bin/sh perl(x)", "libstdc++ bash.x86_64 kernel_x"},
		{"dnf", "x.rpm https://x/x.rpm", "libstdc++"},
		{"zypper", "+x !x ~x repo:bash bash=5 bash>=5 x.rpm", "libstdc++"},
		{"apk", "bash=5 bash~5 bash@edge !bash cmd:bash so:libc.so x.apk x.apk.y", "libstdc++ py3-pip"},
	} {
		t.Run(test.manager, func(t *testing.T) {
			a := machine(t, test.manager, &tools{})
			m, err := a.opts.manager()
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range strings.Fields(test.bad) {
				if checkName(m, name) == nil {
					t.Errorf("%s may get %s", test.manager, name)
				}
				if reply := agenttest.Call(t, a, "install", "package", name); reply.Status != rpc.InvalidData {
					t.Errorf("%s %s: %d %s", test.manager, name, reply.Status, reply.Message)
				}
			}
			for _, name := range strings.Fields(test.good) {
				if err := checkName(m, name); err != nil {
					t.Errorf("%s: %v", test.manager, err)
				}
			}
		})
	}
}

// The real apt, on a machine of three packages: a name that is none of theirs,
// but a regular expression that fits two, changes nothing.
func TestExpressionHere(t *testing.T) {
	if m, err := (Options{}).settled().manager(); err != nil || m.name() != "apt" {
		t.Skip("no apt")
	}
	dir := dirtest.New(t)
	for _, sub := range []string{"lists/partial", "cache/archives/partial", "dpkg/updates", "etc/preferences.d"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	status := ""
	for _, name := range []string{"perl-base", "libperl5", "mawk"} {
		status += "Package: " + name + "\nStatus: install ok installed\nMaintainer: x\nArchitecture: all\nVersion: 1.0-1\nProvides: awk-" + name + "\nDescription: x\n\n"
	}
	// ROOT is the directory.
	conf := strings.ReplaceAll(`Dir::Etc "ROOT/etc"; Dir::State "ROOT"; Dir::State::lists "ROOT/lists"; Dir::State::status "ROOT/dpkg/status"; Dir::Cache "ROOT/cache";`, "ROOT", dir)
	for name, text := range map[string]string{"dpkg/status": status, "apt.conf": conf} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	a, err := New(Options{Run: func(ctx context.Context, c run.Command) (*run.Result, error) {
		c.Env = append(c.Env, "APT_CONFIG="+dir+"/apt.conf", "DPKG_ADMINDIR="+dir+"/dpkg")
		return run.Run(ctx, c)
	}})
	if err != nil {
		t.Fatal(err)
	}
	wrong := map[string]string{"perl.": `no package is called "perl."; search`, "mawk+": `no package is called "mawk+"`, "awk-mawk": "one of these by its own name: mawk"}
	if testing.Short() {
		wrong = map[string]string{"perl.": wrong["perl."]}
	}
	for name, want := range wrong {
		if reply := agenttest.Call(t, a, "install", "package", name, "noop", true); reply.Status != rpc.Aborted || !strings.Contains(reply.Message, want) {
			t.Errorf("%s: %d %s\n%v", name, reply.Status, reply.Message, reply.Data)
		}
	}
	if !testing.Short() {
		agenttest.OK(t, a, "update", "package", "mawk", "noop", true)
	}
}
