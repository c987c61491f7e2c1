// Package packages is the agent "package", which installs, removes and lists software by apt, dnf, yum, zypper or apk.
//
// Actions, inputs, outputs and texts are those of the agent published for Ruby
// MCollective; upgradable, search and refresh are new.
//
// A program that changes packages is never ended by us, as half an installation
// is worse than a late one: when the time of a request is up, the caller hears
// that it goes on. Nothing asks questions, and a lock of the package manager is
// waited for.
package packages

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mcollective/agent"
	"mcollective/internal/pause"
	"mcollective/internal/run"
	"mcollective/rpc"
	"mcollective/value"
)

//go:embed package.yaml
var definition []byte

// A Runner starts a program, as run.Run does.
type Runner func(context.Context, run.Command) (*run.Result, error)

// Options configure the agent.
type Options struct {
	Root     string        // the machine's directories are below it, to see which package manager it has; default: /
	LockWait time.Duration // for another who uses the package manager; default: a minute
	Limit    time.Duration // of a program that changes packages, before it is ended after all; default: an hour

	Run  Runner                                     // default: run.Run
	Wait func(context.Context, time.Duration) error // between two tries to get the lock; default: a timer
}

func (o Options) settled() Options {
	o.Root = cmp.Or(o.Root, "/")
	o.LockWait = cmp.Or(o.LockWait, time.Minute)
	o.Limit = cmp.Or(o.Limit, time.Hour)
	if o.Run == nil {
		o.Run = run.Run
	}
	if o.Wait == nil {
		o.Wait = pause.For
	}
	return o
}

// An Agent is the agent package.
type Agent struct {
	*agent.Mux
	opts Options
	turn chan struct{} // held by who changes packages
}

// New makes the agent.
func New(o Options) (*Agent, error) {
	a := &Agent{opts: o.settled(), turn: make(chan struct{}, 1)}
	var err error
	a.Mux, err = agent.NewMux("package.yaml", definition, map[string]agent.ActionFunc{
		"install": a.change, "update": a.change, "uninstall": a.change, "purge": a.change, "status": a.status,
		"count": a.installed, "md5": a.installed, "yum_clean": a.yumClean, "apt_update": a.refresh, "refresh": a.refresh,
		"checkupdates": a.updates, "apt_checkupdates": a.updates, "yum_checkupdates": a.updates, "upgradable": a.updates, "search": a.search,
	})
	return a, err
}

// A manager is a package manager: which programs to run, and how to read what
// they print.
type manager interface {
	name() string
	status(ctx context.Context, o Options, name string) (info, error)
	known(name, version string) run.Command // tells which packages are meant by a name
	names(out, asked string) []string       // reads their names from that; the one that was asked for is given as asked
	change(verb, name, version string, noop bool) run.Command
	installed() run.Command // lists all packages
	line(text string) bool  // whether a line of that is a package
	refresh() run.Command
	updates() run.Command
	update(out string) []update // reads what updates printed
	search(word string) run.Command
	found(out string) []found // reads what search printed
}

// An info is what is known of a package on this machine.
type info struct {
	name, ensure, version, release, epoch, arch string
	present                                     bool
}

// An update is a newer version of a package that is installed.
type update struct{ name, version, repo string }

// A found is a package that can be installed.
type found struct{ name, summary string }

// manager finds out which package manager the machine has. One that merely is
// installed, like yum on Debian, does not count.
func (o Options) manager() (manager, error) {
	there := func(name string) bool {
		_, err := os.Stat(filepath.Join(o.Root, name))
		return err == nil
	}
	switch {
	case there("usr/bin/apt-get") && there("var/lib/dpkg/status"):
		return apt{}, nil
	case there("usr/bin/zypper"):
		return zypper{}, nil
	case there("usr/bin/dnf"), there("usr/bin/dnf5"):
		return yum{"dnf"}, nil
	case there("usr/bin/yum"):
		return yum{"yum"}, nil
	case there("sbin/apk"), there("usr/sbin/apk"):
		return apk{}, nil
	}
	return nil, errors.New("found none of apt, dnf, yum, zypper and apk")
}

// Active says no where no package manager is known.
func (a *Agent) Active(context.Context) error {
	_, err := a.opts.manager()
	return err
}

// checkName judges the name of a package before it becomes an argument. It begins
// with a letter or digit, so that it is no option, group or pattern, and holds
// nothing that would make it a glob, a capability, a path, a repository or a
// version of something. To apt a name that ends in "-" is one to remove, and the
// others would read one that looks like a package's file from the disk.
func checkName(m manager, name string) error {
	others := "+.-_"
	if m.name() == "apt" {
		others += ":" // the architecture
	}
	if !isWord(name, others) || strings.HasSuffix(name, ".rpm") || strings.HasSuffix(name, ".deb") || strings.Contains(name, ".apk") {
		return rpc.Errorf(rpc.InvalidData, "%q is not a valid package name", name)
	}
	return nil
}

// checkVersion judges a version in the same way.
func checkVersion(version string) error {
	if !isWord(version, "+.-_:~^") || strings.HasSuffix(version, "^") {
		return rpc.Errorf(rpc.InvalidData, "%q is not a valid version", version)
	}
	return nil
}

// isWord reports whether a text has letters, digits and some others in it only, does
// not begin as an option does, and does not end in "-".
func isWord(text, others string) bool {
	return text != "" && isAlnum(text[0]) && !strings.HasSuffix(text, "-") && !strings.ContainsFunc(text, func(r rune) bool {
		return (r > 0x7f || !isAlnum(byte(r))) && !strings.ContainsRune(others, r)
	})
}

func isAlnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// target returns the package that a request is about.
func (a *Agent) target(req *agent.Request) (manager, string, error) {
	name, _ := req.String("package")
	m, err := a.opts.manager()
	if err != nil {
		return nil, "", err
	}
	return m, name, checkName(m, name)
}

func (a *Agent) status(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	m, name, err := a.target(req)
	if err != nil {
		return err
	}
	i, err := m.status(ctx, a.opts, name)
	if err != nil {
		return err
	}
	i.report(m, reply)
	return nil
}

// report sets the outputs, all of which are text for Ruby's agent too.
func (i info) report(m manager, reply *rpc.Reply) {
	reply.Set("provider", m.name())
	reply.Set("name", i.name)
	reply.Set("ensure", i.ensure)
	for name, value := range map[string]string{"version": i.version, "release": i.release, "epoch": i.epoch, "arch": i.arch} {
		if value != "" {
			reply.Set(name, value)
		}
	}
}

func (a *Agent) change(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	m, name, err := a.target(req)
	if err != nil {
		return err
	}
	version, given := req.String("version")
	if given {
		if err := checkVersion(version); err != nil {
			return err
		}
	}
	before, err := m.status(ctx, a.opts, name)
	if err != nil {
		return err
	}
	before.report(m, reply)
	if err := applies(req.Action, version, m, before); err != nil {
		return err
	}
	wanted := req.Action == "install" || req.Action == "update"
	if wanted {
		if err := a.opts.mustKnow(ctx, m, name, version); err != nil {
			return err
		}
	}
	noop, _ := req.Bool("noop")
	out, failed := a.alone(ctx, m.change(req.Action, name, version, noop))
	if out != nil {
		reply.Set("output", text(out.Stdout))
	}
	if noop && out != nil && strings.Contains(string(out.Stdout)+string(out.Stderr), "Operation aborted") {
		failed = nil // that is how dnf and yum end what they were not to do
	}
	if errors.Is(failed, errGoesOn) {
		return failed
	}
	after, err := m.status(ctx, a.opts, name)
	if err != nil {
		return errors.Join(failed, err)
	}
	after.report(m, reply)
	if failed == nil && !noop && after.present != wanted {
		return rpc.Errorf(rpc.Aborted, "%s ended well, but %s is %s", m.name(), name, after.ensure)
	}
	return failed
}

// applies refuses an action that has nothing to do.
func applies(action, version string, m manager, before info) error {
	switch {
	case action == "install" && before.present && version == "":
		return rpc.Errorf(rpc.UnknownError, "Package is already installed")
	case action == "purge" && before.ensure == "absent" && m.name() == "apt": // its configuration is left
	case action != "install" && !before.present:
		return rpc.Errorf(rpc.UnknownError, "Package is not present on the system")
	}
	return nil
}

var errGoesOn = errors.New("it goes on, ask for the status later")

// alone runs a program that changes packages, one at a time. When the time of
// the request is up the program goes on.
func (a *Agent) alone(ctx context.Context, c run.Command) (*run.Result, error) {
	if end, ok := ctx.Deadline(); ok { // the caller shall hear what goes on, and not only that it took too long
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end.Add(-time.Second))
		defer cancel()
	}
	select {
	case a.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, rpc.Errorf(rpc.Aborted, "another request changes packages, and did not end in time")
	}
	type outcome struct {
		*run.Result
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		defer func() { <-a.turn }()
		r, err := a.opts.must(context.WithoutCancel(ctx), ctx, a.opts.protected(c))
		done <- outcome{r, err}
	}()
	select {
	case o := <-done:
		return o.Result, o.err
	case <-ctx.Done():
		return nil, fmt.Errorf("the time was up while %s was at work: %w", c.Path, errGoesOn)
	}
}

// protected is for programs that take the lock of the package manager: they are not
// broken off.
func (o Options) protected(c run.Command) run.Command {
	c.Protected, c.Timeout, c.For = true, o.Limit, "agent package"
	return c
}

// must runs a program that has to end with status 0, as soon as nobody else
// holds the lock. The result is there even if it did not end well.
func (o Options) must(ctx, lock context.Context, c run.Command) (*run.Result, error) {
	lock, cancel := context.WithTimeout(lock, o.LockWait)
	defer cancel()
	for {
		r, err := o.Run(ctx, c)
		if err != nil || r.Exit == 0 {
			return r, err
		}
		err = complaint(c.Path, r)
		if !locked(c, r) || o.Wait(lock, 2*time.Second) != nil {
			return r, err
		}
	}
}

// locked reports whether a program gave up because another has the database.
func locked(c run.Command, r *run.Result) bool {
	for _, sign := range []string{"Could not get lock", "Unable to acquire the dpkg", "is locked by another process", "Unable to lock database", "Unable to lock directory"} {
		if strings.Contains(string(r.Stderr), sign) {
			return true
		}
	}
	return c.Path == "zypper" && r.Exit == 7
}

// complaint is the line that says why a program failed.
func complaint(program string, r *run.Result) error {
	last := ""
	for _, out := range [][]byte{r.Stderr, r.Stdout} {
		for line := range strings.Lines(string(out)) {
			line = strings.TrimSpace(line)
			if strings.HasPrefix(line, "E: ") || strings.HasPrefix(line, "Error") || strings.HasPrefix(line, "ERROR") || strings.HasPrefix(line, "No match") {
				return rpc.Errorf(rpc.Aborted, "%s: %s", program, strings.ToValidUTF8(line, "\uFFFD"))
			}
			last = cmp.Or(line, last)
		}
		if last != "" {
			break
		}
	}
	return rpc.Errorf(rpc.Aborted, "%s ended with status %d: %s", program, r.Exit, strings.ToValidUTF8(cmp.Or(last, "it printed nothing"), "\uFFFD"))
}

// text returns what a program printed, without blanks around it.
func text(out []byte) string { return strings.TrimSpace(strings.ToValidUTF8(string(out), "\uFFFD")) }

// hash is made of names, which become symbols, and values in turn.
func hash(kv ...any) *value.Map {
	for i := 0; i < len(kv); i += 2 {
		kv[i] = value.Symbol(kv[i].(string))
	}
	return value.NewMap(kv...)
}
