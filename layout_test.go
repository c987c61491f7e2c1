package mcollective

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"mcollective/internal/subtest"
)

// levels says who may import whom: a package imports only from levels beneath
// its own, so that a lower part can be understood and tested without a higher
// one. A directory stands for the directories inside it unless those are named.
// The level of a package is how many stand on one another up to it; that of a command
// which no other needs is one below their table.
var levels = []struct {
	level int
	names []string
}{
	{13, []string{
		"bench",
		"cmd/mco",
	}},
	{12, []string{
		"internal/cli/commands",
	}},
	{11, []string{
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
		"internal/cli/join",
		"internal/cli/net",
		"internal/cli/ping",
		"internal/cli/policy",
		"internal/cli/process",
		"internal/cli/puppet",
		"internal/cli/server",
		"internal/cli/service",
		"internal/cli/shell",
		"internal/cli/token",
		"internal/cli/whoami",
		"internal/cli/why",
	}},
	{10, []string{
		"internal/cli/agent/check",
		"internal/cli/agent/list",
		"internal/cli/agent/try",
		"internal/cli/application",
		"internal/cli/rpc",
		"internal/fleettest",
	}},
	{9, []string{
		"internal/app",
		"internal/cli/agent/trial",
		"internal/cli/call",
		"internal/cli/plugin",
		"internal/cli/trust",
	}},
	{8, []string{
		"internal/cli/agent/create",
		"internal/cli/clitest",
		"internal/cli/collective",
		"internal/cli/complete",
		"internal/nodeagents",
	}},
	{7, []string{
		"internal/agenthost",
		"internal/cli/trustdir",
		"internal/cli/agent/settings",
		"internal/clientlibrary",
		"internal/cli/outputs",
		"internal/operation",
		"internal/plugins",
		"internal/swarm",
	}},
	{6, []string{
		"broker",
		"ddl/library",
		"examples",
		"internal/agenthost/descriptor",
		"internal/agenthost/worker",
		"internal/agents",
		"internal/cli",
		"internal/definitions",
		"internal/render",
		"internal/session",
		"security/aes",
		"security/ssl",
	}},
	{5, []string{
		"agent",
		"client",
		"ddl/rubyddl",
		"internal/clientfiles",
		"internal/agenthost/adapter",
		"internal/agenthost/files",
		"internal/cli/inputs",
		"internal/credential/credentialtest",
		"internal/data",
		"internal/enroll",
		"internal/server",
		"security/creds",
		"security/internal",
		"security/psk",
		"security/securitytest",
	}},
	{4, []string{
		"agent/stdio",
		"connector/activemq",
		"connector/internal/overstomptest",
		"connector/nats",
		"connector/rabbitmq",
		"ddl",
		"discovery",
		"internal/authorization",
		"internal/aggregate",
		"internal/credential",
		"internal/facts",
		"message/wire",
		"security",
	}},
	{3, []string{
		"connector/internal",
		"ddl/internal",
		"internal/config",
		"internal/run",
		"internal/tlsfiles",
		"marshal",
		"message",
		"rpc",
		"stomp/stomptest",
	}},
	{2, []string{
		"connector/connectortest",
		"connector/inmem",
		"filter",
		"internal/daemon",
		"internal/lint/mcolint",
		"internal/timelimit/timelimittest",
		"internal/trust",
		"internal/yaml",
		"stomp",
		"value",
	}},
	{1, []string{
		"",
		"connector",
		"connector/nats/interest",
		"connector/nats/subject",
		"internal/dial",
		"internal/dirtest",
		"internal/lint",
		"internal/logging",
		"internal/pause",
		"internal/plainfile",
		"internal/plaintext",
		"internal/safetext",
		"internal/shellwords",
		"internal/subtest",
		"internal/suggest",
		"internal/timelimit",
		"internal/usage",
		"internal/waittest",
		"interop",
		"sdk",
	}},
}

// forbidden are package names that say nothing of what is inside.
var forbidden = []string{"util", "utils", "common", "helpers", "types", "manager", "interfaces", "misc", "base"}

const (
	maxFileLines      = 700
	maxCodecFileLines = 1000
	maxFunctionLines  = 80
)

// levelOf returns the level of a directory, and the name in levels that it has it from.
func levelOf(dir string) (level int, of string, ok bool) {
	best := -1
	for _, l := range levels {
		for _, name := range l.names {
			if (dir == name || name != "" && strings.HasPrefix(dir, name+"/")) && len(name) > best {
				best, level, of = len(name), l.level, name
			}
		}
	}
	return level, of, best >= 0
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
	imported := map[string][]string{} // packages of ours, by the directory that imports them
	for _, s := range sources(t) {
		if imported[s.dir] == nil {
			imported[s.dir] = []string{}
		}
		if s.test || strings.HasPrefix(s.dir, "bench") {
			continue // a test may look at its package from above
		}
		for _, p := range imports(s) {
			if dep, ours := strings.CutPrefix(p, "mcollective/"); ours {
				imported[s.dir] = append(imported[s.dir], dep)
			}
		}
	}
	for dir, deps := range imported {
		for _, wrong := range upward(dir, deps) {
			t.Error(wrong)
		}
	}
}

// upward returns what is wrong with the imports of a directory, and which row mends it.
func upward(dir string, deps []string) []string {
	above := math.MinInt // the lowest level that these imports allow
	for _, dep := range deps {
		l, _, _ := levelOf(dep)
		above = max(above, l+1)
	}
	row := fmt.Sprintf("add %q to level %d or higher in levels of layout_test.go, and a line to the table of packages in docs/architecture.md", dir, above)
	if len(deps) == 0 {
		row = fmt.Sprintf("add %q to levels in layout_test.go, below all that import it, and a line to the table of packages in docs/architecture.md", dir)
	}
	level, of, ok := levelOf(dir)
	if !ok {
		return []string{fmt.Sprintf("directory %q has no level: %s", dir, row)}
	}
	var wrong []string
	for _, dep := range slices.Compact(slices.Sorted(slices.Values(deps))) {
		l, _, _ := levelOf(dep)
		switch {
		case l < level:
		case of == dir:
			wrong = append(wrong, fmt.Sprintf("%s (level %d) imports %s (level %d): imports point down only", dir, level, dep, l))
		default:
			wrong = append(wrong, fmt.Sprintf("%s has no level of its own and counts as %s (level %d), but imports %s (level %d): %s", dir, of, level, dep, l, row))
		}
	}
	return wrong
}

// The failure names the row that is missing.
func TestImportsUpwardAreExplained(t *testing.T) {
	at := func(dir string) int { l, _, _ := levelOf(dir); return l }
	for _, c := range []struct {
		dir  string
		deps []string
		want string // in the only failure; "" is none
	}{
		{"internal/cli/find", []string{"internal/cli", "internal/cli/collective"}, ""},
		{"internal/agents/newcomer", []string{"agent", "internal/run"}, ""},
		{"internal/cli/newcomer", []string{"value", "internal/cli/collective", "internal/cli/collective"},
			fmt.Sprintf(`internal/cli/newcomer has no level of its own and counts as internal/cli (level %d), but imports internal/cli/collective (level %d): `+
				`add "internal/cli/newcomer" to level %d or higher`, at("internal/cli"), at("internal/cli/collective"), at("internal/cli/collective")+1)},
		{"newcomer", []string{"client"}, fmt.Sprintf(`directory "newcomer" has no level: add "newcomer" to level %d or higher`, at("client")+1)},
		{"newcomer", nil, `directory "newcomer" has no level: add "newcomer" to levels in layout_test.go`},
		{"client", []string{"message", "internal/operation"},
			fmt.Sprintf("client (level %d) imports internal/operation (level %d): imports point down only", at("client"), at("internal/operation"))},
	} {
		t.Run(subtest.Name(c.dir, c.deps), func(t *testing.T) {
			wrong := upward(c.dir, c.deps)
			if got := strings.Join(wrong, "\n"); len(wrong) > 1 || c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("%s with %v: got %q, want %q", c.dir, c.deps, got, c.want)
			}
		})
	}
}

// TestEveryLevelIsOnThePage holds docs/architecture.md to naming each directory that has
// a level, and none that is gone.
func TestEveryLevelIsOnThePage(t *testing.T) {
	const page, commands = "docs/architecture.md", "internal/cli/NAME"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "\n## Packages\n")
	table, _, _ = strings.Cut(table, "\n## ")
	named := map[string]bool{}
	for line := range strings.SplitSeq(table, "\n") {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			continue
		}
		for _, span := range inlineCode.FindAllString(cells[1], -1) {
			dir := strings.Trim(span, "`")
			if info, err := os.Stat(dir); dir != commands && (err != nil || !info.IsDir()) {
				t.Errorf("%s: the table of packages names %s, which is no directory", page, dir)
			}
			if named[dir] {
				t.Errorf("%s: the table of packages names %s twice", page, dir)
			}
			named[dir] = true
		}
	}
	if named[commands] { // the one row that stands for many
		for _, s := range sources(t) {
			for _, p := range imports(s) {
				if dir := strings.TrimPrefix(p, "mcollective/"); s.dir == "internal/cli/commands" && !s.test && path.Dir(dir) == path.Dir(commands) {
					named[dir] = true
				}
			}
		}
	}
	var missing []string
	for _, l := range levels {
		for _, name := range l.names {
			if name != "" && !named[name] {
				missing = append(missing, name)
			}
		}
	}
	if len(missing) > 0 {
		t.Errorf("%v have a level and no line in the table of packages of %s", missing, page)
	}
}

func TestRolesStayApart(t *testing.T) {
	within := func(dir, parent string) bool { return dir == parent || strings.HasPrefix(dir, parent+"/") }
	for _, r := range []struct{ from, to, why string }{
		{"connector", "message", "a connector never sees a message"},
		{"connector", "security", "a connector never sees a message"},
		{"security", "connector", "a security provider never sees a broker"},
		{"client", "internal/server", "the two engines do not know each other"},
		{"internal/server", "client", "the two engines do not know each other"},
		{"examples", "internal", "an example is to be copied into another module"},
	} {
		t.Run(subtest.Name(r.from, r.to), func(t *testing.T) {
			for _, s := range sources(t) {
				if s.test || !within(s.dir, r.from) {
					continue
				}
				for _, p := range imports(s) {
					if dep := strings.TrimPrefix(p, "mcollective/"); within(dep, r.to) {
						t.Errorf("%s imports %s: %s", s.path, dep, r.why)
					}
				}
			}
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
// mask of the user who runs them.
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
		"rpc", "ddl", "ddl/rubyddl", "ddl/internal/ruby", "agent", "agent/stdio", "internal/agenthost/adapter", "internal/agenthost/ruby", "internal/render", "discovery"} {
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
