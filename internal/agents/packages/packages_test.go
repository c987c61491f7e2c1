package packages

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"mcollective/internal/agents/agenttest"
	"mcollective/internal/dirtest"
	"mcollective/internal/pause"
	"mcollective/internal/run"
	"mcollective/internal/subtest"
	"mcollective/internal/waittest"
	"mcollective/rpc"
	"mcollective/value"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// An answer is what a program printed on a machine that has it.
type answer struct {
	out, err string
	exit     int
}

// tools answers for programs by their command line, with the last answer again
// once the earlier ones are used up, and keeps what was run.
type tools struct {
	answers map[string][]answer
	ran     []string
}

func (f *tools) run(_ context.Context, c run.Command) (*run.Result, error) {
	line := strings.Join(append([]string{c.Path}, c.Args...), " ")
	f.ran = append(f.ran, line)
	if !c.Protected && takesLock(c) {
		return &run.Result{Exit: 127, Stderr: []byte("may be broken off: " + line)}, nil
	}
	all, ok := f.answers[line]
	if !ok {
		return &run.Result{Exit: 127, Stderr: []byte("nobody expected: " + line)}, nil
	}
	if len(all) > 1 {
		f.answers[line] = all[1:]
	}
	return &run.Result{Stdout: []byte(all[0].out), Stderr: []byte(all[0].err), Exit: all[0].exit}, nil
}

// takesLock reports whether a program takes the lock of the package manager.
func takesLock(c run.Command) bool {
	return c.Background || slices.ContainsFunc(c.Args, func(a string) bool {
		return slices.Contains([]string{"install", "remove", "purge", "erase", "update", "refresh", "makecache", "clean", "add", "del"}, a)
	})
}

var files = map[string][]string{
	"apt": {"usr/bin/apt-get", "var/lib/dpkg/status", "usr/bin/yum"}, "dnf": {"usr/bin/dnf", "usr/bin/yum", "usr/bin/apt-get"},
	"yum": {"usr/bin/yum"}, "zypper": {"usr/bin/zypper"}, "apk": {"sbin/apk"},
}

func machine(t *testing.T, manager string, f *tools) *Agent {
	t.Helper()
	o := Options{Root: dirtest.New(t), Run: f.run, Wait: func(context.Context, time.Duration) error { return nil }}
	for _, name := range files[manager] {
		path := filepath.Join(o.Root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

const (
	dpkgQuery = `dpkg-query -W -f ${Package}\t${Version}\t${Architecture}\t${db:Status-Status}\n -- `
	rpmQuery  = `rpm -q --qf %{NAME}\t%{EPOCH}\t%{VERSION}\t%{RELEASE}\t%{ARCH}\n -- `
	aptGet    = "apt-get -q -y -o APT::Cmd::Pattern-Only=true -o DPkg::Options::=--force-confold -o DPkg::Options::=--force-confdef "
)

func TestStatus(t *testing.T) {
	for _, test := range []struct {
		manager, name, line string
		answer              answer
		want                string // ensure version release epoch arch
	}{
		{"apt", "tzdata", dpkgQuery + "tzdata", answer{out: "tzdata\t2025b-0+deb12u2\tall\tinstalled\n"}, "2025b-0+deb12u2 2025b 0+deb12u2 - all"},
		{"apt", "vim", dpkgQuery + "vim", answer{out: "vim\t2:9.0.1378-2\tamd64\tinstalled\n"}, "2:9.0.1378-2 9.0.1378 2 2 amd64"},
		{"apt", "libc6", dpkgQuery + "libc6", answer{out: "libc6\t2.36-9\ti386\tconfig-files\nlibc6\t2.36-9+b1\tamd64\tinstalled\n"}, "2.36-9+b1 2.36 9+b1 - amd64"},
		{"apt", "old", dpkgQuery + "old", answer{out: "old\t1.0\tall\tconfig-files\n"}, "absent - - - all"},
		{"apt", "none", dpkgQuery + "none", answer{err: "dpkg-query: no packages found matching none\n", exit: 1}, "purged - - - -"},
		{"dnf", "bash", rpmQuery + "bash", answer{out: "bash\t(none)\t5.1.8\t6.el9\tx86_64\n"}, "5.1.8-6.el9 5.1.8 6.el9 0 x86_64"},
		{"yum", "bind", rpmQuery + "bind", answer{out: "bind\t32\t9.8.2\t0.68.el6\tx86_64\n"}, "32:9.8.2-0.68.el6 9.8.2 0.68.el6 32 x86_64"},
		{"yum", "kernel", rpmQuery + "kernel", answer{out: "kernel\t(none)\t2.6.32\t71.el6\tx86_64\nkernel\t(none)\t2.6.32\t754.el6\tx86_64\n"}, "2.6.32-754.el6 2.6.32 754.el6 0 x86_64"},
		{"yum", "none", rpmQuery + "none", answer{out: "package none is not installed\n", exit: 1}, "purged - - - -"},
		{"zypper", "none", rpmQuery + "none", answer{out: "package none is not installed\n", exit: 1}, "absent - - - -"},
		{"apk", "nginx", "apk list --installed nginx", answer{out: "nginx-1.24.0-r7 x86_64 {nginx} (BSD-2-Clause) [installed]\n"}, "1.24.0-r7 1.24.0 r7 - x86_64"},
		{"apk", "none", "apk list --installed none", answer{}, "absent - - - -"},
	} {
		t.Run(subtest.Name(test.line), func(t *testing.T) {
			reply := agenttest.OK(t, machine(t, test.manager, &tools{answers: map[string][]answer{test.line: {test.answer}}}), "status", "package", test.name)
			var got []string
			for _, name := range []string{"ensure", "version", "release", "epoch", "arch"} {
				v, _ := reply.Output(name)
				text, ok := v.(string)
				if !ok {
					text = "-"
				}
				got = append(got, text)
			}
			if text := strings.Join(got, " "); text != test.want || agenttest.Output[string](t, reply, "provider") != test.manager {
				t.Errorf("%s %s: %q, want %q", test.manager, test.name, text, test.want)
			}
		})
	}
}

func TestChange(t *testing.T) {
	const bash = "bash\t5.2-1\tamd64\tinstalled\n"
	gone := answer{err: "dpkg-query: no packages found matching bash\n", exit: 1}
	rpmGone := answer{out: "package bash is not installed\n", exit: 1}
	rpmThere := answer{out: "bash\t(none)\t5.1.8\t6.el9\tx86_64\n"}
	apkThere := answer{out: "bash-5.2.15-r5 x86_64 {bash} (GPL-3.0-or-later) [installed]\n"}
	for _, test := range []struct {
		manager, action string
		inputs          []any
		states          []answer
		line            string // "" if nothing is to be run
		answer          answer
		ensure, message string
		code            rpc.Status
	}{
		{"apt", "install", nil, []answer{gone, {out: bash}}, aptGet + "install -- bash", answer{out: "Setting up bash (5.2-1) ...\n"}, "5.2-1", "OK", 0},
		{"apt", "install", []any{"version", "5.2-1"}, []answer{{out: bash}}, aptGet + "--allow-downgrades install -- bash=5.2-1", answer{}, "5.2-1", "OK", 0},
		{"apt", "install", nil, []answer{{out: bash}}, "", answer{}, "5.2-1", "Package is already installed", rpc.UnknownError},
		{"apt", "install", nil, []answer{gone}, aptGet + "install -- bash", answer{exit: 100, out: "Reading package lists...\n", err: "E: Unable to correct problems, you have held broken packages.\nE: later\n"}, "purged", "apt-get: E: Unable to correct problems, you have held broken packages.", rpc.Aborted},
		{"apt", "install", nil, []answer{gone}, aptGet + "install -- bash", answer{}, "purged", "apt ended well, but bash is purged", rpc.Aborted},
		{"apt", "install", []any{"noop", true}, []answer{gone}, aptGet + "--simulate install -- bash", answer{out: "Inst bash (5.2-1 Debian:12 [amd64])\n"}, "purged", "OK", 0},
		{"apt", "update", nil, []answer{{out: bash}}, aptGet + "--only-upgrade install -- bash", answer{}, "5.2-1", "OK", 0},
		{"apt", "update", nil, []answer{gone}, "", answer{}, "purged", "Package is not present on the system", rpc.UnknownError},
		{"apt", "uninstall", nil, []answer{{out: bash}, {out: "bash\t5.2-1\tamd64\tconfig-files\n"}}, aptGet + "remove -- bash", answer{}, "absent", "OK", 0},
		{"apt", "purge", nil, []answer{{out: "bash\t5.2-1\tamd64\tconfig-files\n"}, gone}, aptGet + "purge -- bash", answer{}, "purged", "OK", 0},
		{"dnf", "install", []any{"version", "5.1.8"}, []answer{rpmGone, rpmThere}, "dnf -y install bash-5.1.8", answer{}, "5.1.8-6.el9", "OK", 0},
		{"dnf", "install", nil, []answer{rpmGone}, "dnf -y install bash", answer{exit: 1, err: "Error: Failed to download packages\n"}, "purged", "dnf: Error: Failed to download packages", rpc.Aborted},
		{"dnf", "purge", []any{"noop", true}, []answer{rpmThere}, "dnf --assumeno remove bash", answer{exit: 1, out: "Remove 1 Package\n", err: "Operation aborted.\n"}, "5.1.8-6.el9", "OK", 0},
		{"yum", "update", nil, []answer{rpmThere}, "yum -y update bash", answer{}, "5.1.8-6.el9", "OK", 0},
		{"zypper", "install", []any{"version", "5.1"}, []answer{rpmGone, rpmThere}, "zypper --non-interactive install --name --auto-agree-with-licenses --oldpackage -- bash=5.1", answer{}, "5.1.8-6.el9", "OK", 0},
		{"zypper", "uninstall", []any{"noop", true}, []answer{rpmThere}, "zypper --non-interactive remove --name --dry-run -- bash", answer{}, "5.1.8-6.el9", "OK", 0},
		{"apk", "update", nil, []answer{apkThere}, "apk --no-progress add --upgrade bash", answer{}, "5.2.15-r5", "OK", 0},
		{"apk", "purge", nil, []answer{apkThere, {}}, "apk --no-progress del --purge bash", answer{}, "absent", "OK", 0},
		{"apk", "install", nil, []answer{{}}, "apk --no-progress add bash", answer{exit: 1, err: "ERROR: unable to select packages:\n  bash (no such package):\n    required by: world[bash]\n"}, "absent", "apk: ERROR: unable to select packages:", rpc.Aborted},
	} {
		t.Run(subtest.Name(test.manager, test.action), func(t *testing.T) {
			f := &tools{answers: map[string][]answer{test.line: {test.answer}}}
			query := map[string]string{"apt": dpkgQuery, "apk": "apk list --installed "}[test.manager]
			if query == "" {
				query = rpmQuery
			}
			f.answers[query+"bash"] = test.states
			for line, a := range knows(test.manager, "bash") {
				f.answers[line] = []answer{a}
			}
			reply := agenttest.Call(t, machine(t, test.manager, f), test.action, append(test.inputs, "package", "bash")...)
			if ensure := agenttest.Output[string](t, reply, "ensure"); ensure != test.ensure || reply.Message != test.message || reply.Status != test.code {
				t.Errorf("%s %s %v: %s, %d %q\nran %q", test.manager, test.action, test.inputs, ensure, reply.Status, reply.Message, f.ran)
			}
			if n := len(f.ran); test.line == "" && n != 1 || test.line != "" && !slices.Contains(f.ran, test.line) {
				t.Errorf("%s %s: ran %q", test.manager, test.action, f.ran)
			}
		})
	}
}

func TestNames(t *testing.T) {
	for _, manager := range []string{"apt", "yum"} {
		f := &tools{}
		a := machine(t, manager, f)
		for _, name := range []string{"", "-y", "--help", "bash-", "a b", "a;b", "*", "a*", "@group", "/etc/passwd", "^a", "a^", "a\nb", "é", "a=1"} {
			for _, inputs := range [][]any{{"package", name}, {"package", "bash", "version", name}} {
				if reply := agenttest.Call(t, a, "install", inputs...); reply.Status != rpc.InvalidData {
					t.Errorf("%v: %d %s", inputs, reply.Status, reply.Message)
				}
			}
			if reply := agenttest.Call(t, a, "search", "pattern", name); reply.Status != rpc.InvalidData {
				t.Errorf("search %q: %d %s", name, reply.Status, reply.Message)
			}
		}
		if len(f.ran) > 0 {
			t.Errorf("ran %q", f.ran)
		}
	}
}

func TestLockIsWaitedFor(t *testing.T) {
	busy := answer{exit: 100, err: "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 4242 (apt-get)\nE: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?\n"}
	synctest.Test(t, func(t *testing.T) {
		f := &tools{answers: map[string][]answer{"apt-get -q update": {busy, busy, {out: "Reading package lists...\n"}}}}
		a := machine(t, "apt", f)
		a.opts.Wait = pause.For
		begin := time.Now()
		agenttest.OK(t, a, "apt_update")
		if took := time.Since(begin); len(f.ran) != 3 || took != 4*time.Second {
			t.Errorf("%d tries in %v", len(f.ran), took)
		}
		f.answers["apt-get -q update"] = []answer{busy}
		begin = time.Now()
		reply := agenttest.Call(t, a, "refresh")
		if took := time.Since(begin); reply.Status != rpc.Aborted || took != time.Minute || !strings.Contains(reply.Message, "held by process 4242") {
			t.Errorf("%v: %d %s", took, reply.Status, reply.Message)
		}
	})
}

// An installation that takes longer than a request may is not broken off, and
// another one waits for it.
func TestTimeIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := make(chan struct{})
		gone := &run.Result{Exit: 1}
		a := machine(t, "apt", &tools{})
		var broken error
		a.opts.Run = func(ctx context.Context, c run.Command) (*run.Result, error) {
			switch c.Path {
			case "dpkg-query":
				return gone, nil
			case "apt-cache":
				return &run.Result{Stdout: []byte("Package: bash\nArchitecture: amd64\n")}, nil
			}
			<-end
			broken = ctx.Err()
			return &run.Result{}, nil
		}
		reply := agenttest.Call(t, a, "install", "package", "bash")
		if reply.Status != rpc.UnknownError || !strings.Contains(reply.Message, "it goes on") {
			t.Errorf("%d %s", reply.Status, reply.Message)
		}
		reply = agenttest.Call(t, a, "install", "package", "bash")
		if reply.Status != rpc.Aborted || !strings.Contains(reply.Message, "another request") {
			t.Errorf("%d %s", reply.Status, reply.Message)
		}
		close(end)
		synctest.Wait()
		if broken != nil {
			t.Error("it was broken off")
		}
		select {
		case a.turn <- struct{}{}:
		default:
			t.Error("nobody else may go on")
		}
	})
}

func get(p any, key string) string {
	v, _ := p.(*value.Map).Get(value.Symbol(key))
	text, _ := v.(string)
	return text
}

func TestUpdates(t *testing.T) {
	for _, test := range []struct {
		manager, line string
		answer        answer
		want          []string
	}{
		{"apt", "apt-get --simulate dist-upgrade", answer{out: "NOTE: This is only a simulation!\nReading package lists...\nInst emacs23 [23.1+1-4] (23.1+1-4.1 Ubuntu:10.04/lucid-updates [amd64]) []\nInst new-one (1.0 Debian:12.1/stable [all])\nInst tzdata [2025b-0] (2026f-0 Debian:12.14/oldstable, Debian-Security:12/x [all])\nConf tzdata (2026f-0 Debian:12.14/oldstable [all])\n"},
			[]string{"emacs23 23.1+1-4.1 Ubuntu:10.04/lucid-updates [amd64]", "tzdata 2026f-0 Debian:12.14/oldstable, Debian-Security:12/x [all]"}},
		{"yum", "yum -q check-update", answer{exit: 100, out: "\nbash.x86_64                 4.1.2-48.el6       base   \njava-1.6.0-openjdk-demo-with-a-long-name.x86_64\n                            1:1.6.0.41-1.el6   updates\nObsoleting Packages\nnew.noarch   1-1   base\n    old.noarch   1-0   base\n"},
			[]string{"bash.x86_64 4.1.2-48.el6 base", "java-1.6.0-openjdk-demo-with-a-long-name.x86_64 1:1.6.0.41-1.el6 updates"}},
		{"dnf", "dnf -q check-update", answer{}, nil},
		{"zypper", "zypper --non-interactive -q list-updates", answer{out: "S | Repository      | Name | Current Version | Available Version | Arch\n--+-----------------+------+-----------------+-------------------+-------\nv | Main Repository | bash | 4.4-9.10.1      | 4.4-9.14.1        | x86_64\n"},
			[]string{"bash 4.4-9.14.1 Main Repository"}},
		{"apk", "apk list --upgradable", answer{out: "busybox-1.36.1-r16 x86_64 {busybox} (GPL-2.0-only) [upgradable from: busybox-1.36.1-r15]\n"}, []string{"busybox 1.36.1-r16 busybox"}},
	} {
		t.Run(test.manager, func(t *testing.T) {
			a := machine(t, test.manager, &tools{answers: map[string][]answer{test.line: {test.answer}}})
			reply := agenttest.OK(t, a, "checkupdates")
			var got []string
			for _, u := range agenttest.Output[[]any](t, reply, "outdated_packages") {
				got = append(got, get(u, "package")+" "+get(u, "version")+" "+get(u, "repo"))
			}
			if diff := cmp.Diff(test.want, got); diff != "" || agenttest.Output[string](t, reply, "package_manager") != test.manager || agenttest.Output[int64](t, reply, "exitcode") != int64(test.answer.exit) {
				t.Errorf("%s: %s", test.manager, diff)
			}
			if n := agenttest.Output[int64](t, agenttest.OK(t, a, "upgradable"), "count"); int(n) != len(test.want) {
				t.Errorf("%s: count is %d", test.manager, n)
			}
			for action, managers := range map[string]string{"apt_checkupdates": "apt", "yum_checkupdates": "yum dnf"} {
				want := rpc.Aborted
				if strings.Contains(managers, test.manager) {
					want = rpc.OK
				}
				if reply := agenttest.Call(t, a, action); reply.Status != want {
					t.Errorf("%s on %s: %d %s", action, test.manager, reply.Status, reply.Message)
				}
			}
		})
	}
	a := machine(t, "yum", &tools{answers: map[string][]answer{"yum -q check-update": {{exit: 1, err: "Error: Cannot retrieve repository metadata (repomd.xml) for repository: base.\n"}}}})
	if reply := agenttest.Call(t, a, "checkupdates"); reply.Status != rpc.Aborted || !strings.Contains(reply.Message, "Cannot retrieve") {
		t.Errorf("%d %s", reply.Status, reply.Message)
	}
}

func TestSearch(t *testing.T) {
	for _, test := range []struct {
		manager, line string
		answer        answer
		want          []string
	}{
		{"apt", "apt-cache search -- nginx", answer{out: "nginx - small, powerful, scalable web/proxy server\nnginx-doc - documentation - for nginx\n"}, []string{"nginx: small, powerful, scalable web/proxy server", "nginx-doc: documentation - for nginx"}},
		{"apt", "apt-cache search -- nginx", answer{}, nil},
		{"dnf", "dnf -q search nginx", answer{out: "======= Name Exactly Matched: nginx =======\nnginx.x86_64 : A high performance web server\n"}, []string{"nginx.x86_64: A high performance web server"}},
		{"dnf", "dnf -q search nginx", answer{out: "Matched fields: name (exact)\n nginx.x86_64\tA high performance web server\n"}, []string{"nginx.x86_64: A high performance web server"}},
		{"yum", "yum -q search nginx", answer{exit: 1, err: "Warning: No matches found for: nginx\nNo matches found\n"}, nil},
		{"zypper", "zypper --non-interactive -q search --type package -- nginx", answer{out: "S  | Name  | Summary                | Type\n---+-------+------------------------+--------\ni+ | nginx | A HTTP server          | package\n"}, []string{"nginx: A HTTP server"}},
		{"zypper", "zypper --non-interactive -q search --type package -- nginx", answer{exit: 104, out: "No matching items found.\n"}, nil},
		{"apk", "apk search -v nginx", answer{out: "nginx-1.24.0-r7 - HTTP and reverse proxy server\n"}, []string{"nginx: HTTP and reverse proxy server"}},
	} {
		t.Run(subtest.Name(test.manager, test.line), func(t *testing.T) {
			reply := agenttest.OK(t, machine(t, test.manager, &tools{answers: map[string][]answer{test.line: {test.answer}}}), "search", "pattern", "nginx")
			var got []string
			for _, p := range agenttest.Output[[]any](t, reply, "packages") {
				got = append(got, get(p, "name")+": "+get(p, "summary"))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s: %s", test.manager, diff)
			}
		})
	}
}

func TestYumClean(t *testing.T) {
	f := &tools{answers: map[string][]answer{"yum clean all": {{out: "Cleaning repos: base\n"}}, "yum clean metadata": {{}}}}
	a := machine(t, "yum", f)
	if got := agenttest.Output[string](t, agenttest.OK(t, a, "yum_clean"), "output"); got != "Cleaning repos: base" {
		t.Error(got)
	}
	agenttest.OK(t, a, "yum_clean", "mode", "metadata")
	if reply := agenttest.Call(t, machine(t, "apt", f), "yum_clean"); reply.Status != rpc.Aborted {
		t.Error(reply)
	}
}

// The rest is asked of this machine, if it is one of Debian's.
func TestHere(t *testing.T) {
	a, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if m, err := a.opts.manager(); err != nil || m.name() != "apt" {
		t.Skip("no apt")
	}
	shell := func(line string) string {
		out, err := exec.CommandContext(waittest.Within(t, waittest.Patience), "sh", "-c", "LC_ALL=C; export LC_ALL; "+line).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	reply := agenttest.OK(t, a, "status", "package", "dpkg")
	if got, want := agenttest.Output[string](t, reply, "ensure"), shell("dpkg-query -W -f '${Version}' dpkg"); got != want {
		t.Errorf("dpkg is %s, want %s", got, want)
	}
	if got := agenttest.Output[string](t, agenttest.OK(t, a, "status", "package", "no-such-package"), "ensure"); got != "purged" {
		t.Error(got)
	}
	if got, want := agenttest.Output[string](t, agenttest.OK(t, a, "count"), "output"), shell("dpkg --list | grep -c ^ii"); got != want {
		t.Errorf("count is %s, want %s", got, want)
	}
	if got, want := agenttest.Output[string](t, agenttest.OK(t, a, "md5"), "output"), shell(`printf %s "$(dpkg --list | grep ^ii)" | md5sum | cut -d' ' -f1`); got != want {
		t.Errorf("md5 is %s, want %s", got, want)
	}
}
