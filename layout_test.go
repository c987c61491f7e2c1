package mcollective

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// levels says who may import whom: a package imports only from levels beneath
// its own, so that a lower part can be understood and tested without a higher
// one. A directory stands for the directories inside it unless those are named.
var levels = []struct {
	level int
	names []string
}{
	{15, []string{
		"cmd/mco",
	}},
	{14, []string{
		"internal/cli/commands",
	}},
	{13, []string{
		"internal/cli/agent",
		"internal/cli/application/applicationtest",
		"internal/cli/broker",
		"internal/cli/completion",
		"internal/cli/ddl",
		"internal/cli/demo",
		"internal/cli/describefilter",
		"internal/cli/facts",
		"internal/cli/file",
		"internal/cli/find",
		"internal/cli/help",
		"internal/cli/inventory",
		"internal/cli/net",
		"internal/cli/ping",
		"internal/cli/process",
		"internal/cli/puppet",
		"internal/cli/server",
		"internal/cli/service",
		"internal/cli/shell",
		"internal/cli/why",
	}},
	{12, []string{
		"internal/cli/application",
		"internal/cli/plugin",
	}},
	{11, []string{
		"internal/cli/rpc",
	}},
	{10, []string{
		"internal/cli/collective",
		"internal/cli/complete",
	}},
	{9, []string{
		"internal/cli/clitest",
		"internal/cli/known",
		"internal/cli/outputs",
	}},
	{8, []string{
		"bench",
		"internal/cli",
		"internal/fleettest",
	}},
	{7, []string{
		"internal/app",
	}},
	{6, []string{
		"internal/nodeagents",
		"internal/operation",
	}},
	{5, []string{
		"internal/agenthost",
		"internal/definitions",
		"internal/plugins",
		"internal/swarm",
	}},
	{4, []string{
		"internal/agenthost/descriptor",
		"internal/agenthost/worker",
		"internal/agents",
		"internal/render",
		"internal/session",
	}},
	{3, []string{
		"agent",
		"broker",
		"client",
		"internal/agenthost/adapter",
		"internal/agenthost/files",
		"internal/data",
		"internal/server",
		"security/psk",
		"security/securitytest",
	}},
	{2, []string{
		"agent/stdio",
		"connector/activemq",
		"connector/internal/overstomptest",
		"connector/rabbitmq",
		"ddl",
		"message/wire",
		"security",
	}},
	{1, []string{
		"connector/connectortest",
		"connector/inmem",
		"connector/internal",
		"connector/nats",
		"ddl/internal",
		"discovery",
		"internal/aggregate",
		"internal/config",
		"internal/facts",
		"message",
		"rpc",
		"stomp/stomptest",
	}},
	{0, []string{
		"",
		"connector",
		"connector/nats/interest",
		"connector/nats/subject",
		"filter",
		"internal/daemon",
		"internal/lint/mcolint",
		"internal/logging",
		"internal/run",
		"internal/suggest",
		"internal/timelimit/timelimittest",
		"internal/tlsfiles",
		"internal/yaml",
		"interop",
		"marshal",
		"sdk",
		"stomp",
	}},
	{-1, []string{
		"internal/dial",
		"internal/lint",
		"internal/timelimit",
		"internal/trust",
		"internal/waittest",
		"value",
	}},
	{-1, []string{
		"internal/usage",
	}},
	{-1, []string{
		"internal/dirtest",
	}},
	{-2, []string{
		"internal/plainfile",
		"internal/pause",
		"internal/plaintext",
		"internal/shellwords",
	}},
}

// forbidden are package names that say nothing of what is inside.
var forbidden = []string{"util", "utils", "common", "helpers", "types", "manager", "interfaces", "misc", "base"}

const (
	maxFileLines      = 700
	maxCodecFileLines = 1000
	maxFunctionLines  = 80
)

func levelOf(dir string) (int, bool) {
	best, level := -1, 0
	for _, l := range levels {
		for _, name := range l.names {
			if (dir == name || name != "" && strings.HasPrefix(dir, name+"/")) && len(name) > best {
				best, level = len(name), l.level
			}
		}
	}
	return level, best >= 0
}

// source is one parsed file of the module.
type source struct {
	path string // slash separated, from the root
	dir  string
	test bool
	file *ast.File
	set  *token.FileSet
}

func sources(t *testing.T) []source {
	t.Helper()
	all, err := parsed()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// parsed reads the module once for all tests.
var parsed = sync.OnceValues(func() (all []source, err error) {
	err = filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); p != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "dist") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, p, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		dir := path.Dir(filepath.ToSlash(p))
		if dir == "." {
			dir = ""
		}
		all = append(all, source{filepath.ToSlash(p), dir, strings.HasSuffix(p, "_test.go"), f, set})
		return nil
	})
	return all, err
})

func imports(s source) []string {
	var paths []string
	for _, i := range s.file.Imports {
		paths = append(paths, strings.Trim(i.Path.Value, `"`))
	}
	return paths
}

func TestImportsPointDown(t *testing.T) {
	for _, s := range sources(t) {
		level, ok := levelOf(s.dir)
		if !ok {
			t.Errorf("%s: directory %q has no level; add it to levels in layout_test.go where it belongs", s.path, s.dir)
			continue
		}
		if s.test || strings.HasPrefix(s.dir, "bench") {
			continue // a test may look at its package from above
		}
		for _, p := range imports(s) {
			dep, ours := strings.CutPrefix(p, "mcollective/")
			if !ours {
				continue
			}
			if l, _ := levelOf(dep); l >= level {
				t.Errorf("%s (level %d) imports %s (level %d): imports point down only", s.path, level, dep, l)
			}
		}
	}
}

func TestRolesStayApart(t *testing.T) {
	rules := []struct{ from, to, why string }{
		{"connector", "message", "a connector never sees a message"},
		{"connector", "security", "a connector never sees a message"},
		{"security", "connector", "a security provider never sees a broker"},
		{"client", "internal/server", "the two engines do not know each other"},
		{"internal/server", "client", "the two engines do not know each other"},
	}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, r := range rules {
			if s.dir != r.from && !strings.HasPrefix(s.dir, r.from+"/") {
				continue
			}
			for _, p := range imports(s) {
				if dep := strings.TrimPrefix(p, "mcollective/"); dep == r.to || strings.HasPrefix(dep, r.to+"/") {
					t.Errorf("%s imports %s: %s", s.path, dep, r.why)
				}
			}
		}
	}
}

// TestDangerousCalls keeps what touches the system in the few places where a
// reviewer looks for it.
func TestDangerousCalls(t *testing.T) {
	allowed := map[string][]string{
		"os/exec": {"internal/run", "internal/facts", "internal/daemon", "bench"},
		"os.Exit": {"cmd/mco", "bench"},
		"unsafe":  {"marshal"},
	}
	in := func(dir, what string) bool {
		return slices.ContainsFunc(allowed[what], func(d string) bool { return dir == d || strings.HasPrefix(dir, d+"/") })
	}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, p := range imports(s) {
			if _, rule := allowed[p]; rule && !in(s.dir, p) {
				t.Errorf("%s imports %s, which only %v may", s.path, p, allowed[p])
			}
			if p == "math/rand" || p == "log" {
				t.Errorf("%s imports %s: use math/rand/v2 or crypto/rand, log/slog", s.path, p)
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == "os" && sel.Sel.Name == "Exit" && !in(s.dir, "os.Exit") {
				t.Errorf("%s calls os.Exit, which only %v may", s.set.Position(sel.Pos()), allowed["os.Exit"])
			}
			return true
		})
	}
}

func TestPackageComments(t *testing.T) {
	comments := map[string][]string{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		name := s.file.Name.Name
		if slices.Contains(forbidden, name) {
			t.Errorf("%s: package name %q says nothing of what is inside", s.path, name)
		}
		if comments[s.dir] == nil {
			comments[s.dir] = []string{}
		}
		if doc := s.file.Doc; doc != nil {
			comments[s.dir] = append(comments[s.dir], s.path)
			text := doc.Text()
			if want := "Package " + name + " "; name != "main" && !strings.HasPrefix(text, want) {
				t.Errorf("%s: package comment begins %.40q, want %q", s.path, text, want)
			}
		}
	}
	for dir, files := range comments {
		if len(files) != 1 {
			t.Errorf("directory %q has %d package comments %v, want one", dir, len(files), files)
		}
	}
}

func TestExportedNamesAreDocumented(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.file.Name.Name == "main" {
			continue
		}
		for _, d := range s.file.Decls {
			for _, name := range undocumented(d) {
				t.Errorf("%s: exported %s has no comment", s.set.Position(d.Pos()), name)
			}
		}
	}
}

func undocumented(d ast.Decl) []string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && (d.Recv == nil || exportedReceiver(d)) && !interfaceMethod[d.Name.Name] {
			return []string{d.Name.Name}
		}
	case *ast.GenDecl:
		if d.Doc != nil {
			return nil
		}
		var names []string
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				if spec.Doc == nil && spec.Name.IsExported() {
					names = append(names, spec.Name.Name)
				}
			case *ast.ValueSpec:
				if spec.Doc == nil && spec.Comment == nil && spec.Names[0].IsExported() {
					names = append(names, spec.Names[0].Name)
				}
			}
		}
		return names
	}
	return nil
}

// interfaceMethod are methods whose meaning the standard library defines.
var interfaceMethod = map[string]bool{"Error": true, "Unwrap": true, "String": true, "Len": true, "Less": true, "Swap": true,
	"Enabled": true, "Handle": true, "WithAttrs": true, "WithGroup": true, "Write": true, "Read": true}

func exportedReceiver(d *ast.FuncDecl) bool {
	t := d.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	id, ok := t.(*ast.Ident)
	return ok && id.IsExported()
}

// TestDirectoriesOfTests holds tests to directories whose modes do not depend on the
// mask of whoever runs them.
func TestDirectoriesOfTests(t *testing.T) {
	for _, s := range sources(t) {
		if s.dir == "internal/dirtest" {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "TempDir" {
				if x, ok := sel.X.(*ast.Ident); !ok || x.Name != "os" {
					t.Errorf("%s: make the directory of a test with dirtest.New(t): under a mask of 002 nothing in this one is trusted", s.set.Position(sel.Pos()))
				}
			}
			return true
		})
	}
}

func TestSizes(t *testing.T) {
	for _, s := range sources(t) {
		limit := maxFileLines
		if s.dir == "marshal" || s.dir == "stomp" {
			limit = maxCodecFileLines
		}
		if n := s.set.File(s.file.Pos()).LineCount(); n > limit {
			t.Errorf("%s has %d lines, more than %d: is it still one noun?", s.path, n, limit)
		}
		if s.test {
			continue
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			lines := s.set.Position(f.End()).Line - s.set.Position(f.Pos()).Line + 1
			if lines > maxFunctionLines {
				t.Errorf("%s: %s has %d lines, more than %d", s.set.Position(f.Pos()), f.Name.Name, lines, maxFunctionLines)
			}
		}
	}
}

// TestFuzzTestsExist holds the packages that read bytes from outside to having
// at least one fuzz test.
func TestFuzzTestsExist(t *testing.T) {
	want := map[string]bool{}
	for _, dir := range []string{"marshal", "stomp", "filter", "message", "security/psk", "internal/config", "internal/yaml", "internal/facts",
		"rpc", "ddl", "ddl/internal/ruby", "agent", "agent/stdio", "internal/agenthost/adapter", "internal/agenthost/ruby", "internal/render", "discovery"} {
		want[dir] = true
	}
	for _, s := range sources(t) {
		if !s.test {
			continue
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && strings.HasPrefix(f.Name.Name, "Fuzz") {
				delete(want, s.dir)
			}
		}
	}
	for dir := range want {
		t.Error(fmt.Errorf("%s reads bytes from outside and has no fuzz test", dir))
	}
}

// TestSleepsHaveReasons: a test that sleeps is slow or fails on a busy machine.
// Virtual time (testing/synctest), an event or internal/waittest take its place; for
// what remains a comment on its line or the one before says why.
func TestSleepsHaveReasons(t *testing.T) {
	for _, s := range sources(t) {
		if !s.test || slices.Contains(imports(s), "testing/synctest") {
			continue
		}
		explained := map[int]bool{}
		for _, group := range s.file.Comments {
			end := s.set.Position(group.End()).Line
			explained[end], explained[end+1] = true, true
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			at := s.set.Position(sel.Pos())
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" && sel.Sel.Name == "Sleep" && !explained[at.Line] {
				t.Errorf("%s: time.Sleep in real time without a reason; internal/waittest waits for what happens", at)
			}
			return true
		})
	}
}
