package mcollective

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strings"
	"testing"

	"mcollective/internal/subtest"
)

// system are the uses of other packages that touch the system, and the files and
// directories that a reviewer finds them in. A name that ends with * stands for all
// that begin so.
var system = []struct {
	what  string
	uses  map[string][]string // names by import path
	where []string
}{
	{"start programs", map[string][]string{
		"os":                    {"StartProcess"},
		"os/exec":               {"*"},
		"plugin":                {"*"},
		"syscall":               {"Exec", "ForkExec", "StartProcess"},
		"golang.org/x/sys/unix": {"Exec"},
	}, []string{"internal/run", "internal/daemon/detach_unix.go", "bench"}},
	{"dial", map[string][]string{
		"net":                   {"Dial*"},
		"crypto/tls":            {"Dial*"},
		"net/http":              {"*"},
		"net/rpc":               {"*"},
		"net/smtp":              {"*"},
		"log/syslog":            {"*"},
		"syscall":               {"Connect"},
		"golang.org/x/sys/unix": {"Connect"},
	}, []string{"internal/dial", "internal/agents/nettest", "internal/daemon/notify.go", "internal/logging/syslog.go", "bench"}},
	{"end the process", map[string][]string{
		"os":                    {"Exit"},
		"syscall":               {"Exit"},
		"golang.org/x/sys/unix": {"Exit"},
	}, []string{"cmd/mco", "internal/run/limits_linux.go", "examples", "bench"}},
	{"leave the safety of the language", map[string][]string{"unsafe": {"*"}}, nil},
	{"use what has a better successor", map[string][]string{"math/rand": {"*"}, "log": {"*"}}, nil},
}

// A use is a name of another package in a file.
type use struct {
	path, name string
	pos        token.Pos
}

// uses returns what a file takes from other packages, by whatever name it imports them.
// A dot import counts as the use of every name.
func uses(f *ast.File) []use {
	var all []use
	paths := map[string]string{} // by the name in this file
	for _, i := range f.Imports {
		p := strings.Trim(i.Path.Value, `"`)
		name := path.Base(p)
		if i.Name != nil {
			name = i.Name.Name
		}
		paths[name] = p
		if name != "." {
			name = "_" // counts where the whole package does
		}
		all = append(all, use{p, name, i.Pos()})
	}
	ast.Inspect(f, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		// A name that the file declares itself hides the import.
		if x, ok := sel.X.(*ast.Ident); ok && x.Obj == nil && paths[x.Name] != "" {
			all = append(all, use{paths[x.Name], sel.Sel.Name, sel.Pos()})
		}
		return true
	})
	return all
}

// matches reports whether a use is of one of these names.
func (u use) matches(names []string) bool {
	if u.name == "." {
		return len(names) > 0
	}
	return slices.ContainsFunc(names, func(name string) bool {
		prefix, all := strings.CutSuffix(name, "*")
		return u.name == name || all && strings.HasPrefix(u.name, prefix)
	})
}

// TestSystemIsTouchedInFewPlaces keeps what touches the system where a reviewer looks
// for it. Every exception is in use.
func TestSystemIsTouchedInFewPlaces(t *testing.T) {
	for _, rule := range system {
		t.Run(rule.what, func(t *testing.T) {
			needed := map[string]bool{}
			for _, s := range sources(t) {
				if s.test {
					continue
				}
				for _, u := range uses(s.file) {
					if !u.matches(rule.uses[u.path]) {
						continue
					}
					at := slices.IndexFunc(rule.where, func(w string) bool { return s.path == w || strings.HasPrefix(s.path, w+"/") })
					if at < 0 {
						t.Errorf("%s uses %s of %s: only %v may %s", s.set.Position(u.pos), u.name, u.path, rule.where, rule.what)
						continue
					}
					needed[rule.where[at]] = true
				}
			}
			for _, w := range rule.where {
				if !needed[w] {
					t.Errorf("%s does not %s any more: remove the exception", w, rule.what)
				}
			}
		})
	}
}

// The test above sees a use whatever it looks like.
func TestUsesOfTheSystemAreSeen(t *testing.T) {
	for _, c := range []struct {
		imports, body string
		want          string // what the rule is about; "" is no rule
	}{
		{`"os"`, `os.StartProcess("", nil, nil)`, "start programs"},
		{`"os"`, `start := os.StartProcess; start("", nil, nil)`, "start programs"},
		{`system "os"`, `system.StartProcess("", nil, nil)`, "start programs"},
		{`. "os"`, `StartProcess("", nil, nil)`, "start programs"},
		{`_ "os/exec"`, ``, "start programs"},
		{`"os/exec"`, `exec.Command("x")`, "start programs"},
		{`"syscall"`, `syscall.Exec("", nil, nil)`, "start programs"},
		{`"syscall"`, `syscall.ForkExec("", nil, nil)`, "start programs"},
		{`"net"`, `net.DialTimeout("", "", 0)`, "dial"},
		{`"net"`, `new(net.Dialer).Dial("", "")`, "dial"},
		{`"net"`, `var d net.Dialer; _ = d`, "dial"},
		{`"crypto/tls"`, `tls.DialWithDialer(nil, "", "", nil)`, "dial"},
		{`"net/http"`, `http.Get("")`, "dial"},
		{`"golang.org/x/sys/unix"`, `unix.Connect(0, nil)`, "dial"},
		{`"os"`, `defer os.Exit(1)`, "end the process"},
		{`"net"`, `net.Listen("", "")`, ""},
		{`"os"`, `os := names(); os.Exit()`, ""},
		{`"os"`, `os.Getpid()`, ""},
	} {
		t.Run(subtest.Name(c.body), func(t *testing.T) {
			f, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\nimport "+c.imports+"\nfunc f() {\n"+c.body+"\n}", 0)
			if err != nil {
				t.Fatal(err)
			}
			seen := false
			for _, rule := range system {
				for _, u := range uses(f) {
					if !u.matches(rule.uses[u.path]) {
						continue
					}
					seen = seen || rule.what == c.want
					if c.want == "" {
						t.Errorf("import %s, %s: taken for a way to %s", c.imports, c.body, rule.what)
					}
				}
			}
			if c.want != "" && !seen {
				t.Errorf("import %s, %s: not seen as a way to %s", c.imports, c.body, c.want)
			}
		})
	}
}
