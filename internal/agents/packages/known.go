package packages

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"mcollective/internal/run"
	"mcollective/rpc"
)

// maxNamed is how many packages an error names.
const maxNamed = 5

// virtual is a package manager that tells which packages provide one that does
// not exist by itself.
type virtual interface {
	provides(name string) run.Command
	providers(out, name string) []string
}

// mustKnow makes sure that a name is that of a package and of nothing else. What
// is not, package managers take for a regular expression, the start of a name, a
// name with its version, or something that other packages provide, and install
// what they find: apt-get answers "install perl." with a thousand packages.
func (o Options) mustKnow(ctx context.Context, m manager, name, version string) error {
	c := m.known(name, version)
	c.MaxStdout = maxList
	r, err := o.must(ctx, ctx, c)
	if r == nil || err != nil && !nothingFound(c, r) {
		return err
	}
	names := m.names(string(r.Stdout), name)
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) == 1 && names[0] == name {
		return nil
	}
	what := fmt.Sprintf("%q", name)
	if version != "" {
		what += " in version " + version
	}
	names = slices.DeleteFunc(names, func(n string) bool { return n == name })
	if len(names) > 0 {
		return rpc.Errorf(rpc.Aborted, "no package is called %s: %s would take it for %s; ask for a package by its own name", what, m.name(), some(names))
	}
	if v, ok := m.(virtual); ok {
		c := v.provides(name)
		c.MaxStdout = maxList
		if r, err := o.Run(ctx, c); err == nil && r.Exit == 0 {
			names = v.providers(string(r.Stdout), name)
		}
	}
	if len(names) > 0 {
		return rpc.Errorf(rpc.Aborted, "no package is called %s, but some provide it; ask for one of these by its own name: %s", what, some(names))
	}
	return rpc.Errorf(rpc.Aborted, "no package is called %s; search finds packages, and refresh fetches newer lists of them", what)
}

// some returns the first of the names.
func some(names []string) string {
	if more := len(names) - maxNamed; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNamed], ", "), more)
	}
	return strings.Join(names, ", ")
}
