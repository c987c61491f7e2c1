package lint

import (
	"go/ast"
	"go/types"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func unquote(s string) string {
	if text, err := strconv.Unquote(s); err == nil {
		return text
	}
	return s
}

// verb matches one directive of a format, its flags, and an explicit argument.
var verb = regexp.MustCompile(`%[-+# 0]*(?:\*|\d+)?(?:\.(?:\*|\d+)?)?(?:\[(\d+)\])?([%a-zA-Z])`)

// verbs returns the verbs of a format in the order of their arguments.
func verbs(format string) []string {
	var list []string
	next := 0
	for _, m := range verb.FindAllStringSubmatch(format, -1) {
		if m[2] == "%" {
			continue
		}
		next += strings.Count(m[0], "*")
		if m[1] != "" {
			next, _ = strconv.Atoi(m[1])
			next--
		}
		for len(list) <= next {
			list = append(list, "")
		}
		if list[next] != "w" { // one that is wrapped may be shown once more
			list[next] = m[2]
		}
		next++
	}
	return list
}

// wrapErrors refuses a cause that becomes text: nobody can ask for it any more.
func wrapErrors(p *pass, n ast.Node) {
	c, ok := n.(*ast.CallExpr)
	if !ok || p.callee(c) != "fmt.Errorf" || len(c.Args) < 2 || c.Ellipsis.IsValid() {
		return
	}
	format, ok := p.constant(c.Args[0])
	if !ok {
		return
	}
	list := verbs(format)
	for i, arg := range c.Args[1:] {
		if i < len(list) && slices.Contains([]string{"v", "s", "q"}, list[i]) && p.implementsError(arg) {
			p.report(arg, "the cause is formatted by %%%s; wrap it by %%w", list[i])
		}
	}
}

// A logCall says where a function that logs has its message, and its first attribute.
type logCall struct{ message, attrs int }

var logCalls = map[string]logCall{}

func init() {
	for _, level := range []string{"Debug", "Info", "Warn", "Error"} {
		for _, where := range []string{"log/slog.", "log/slog.Logger."} {
			logCalls[where+level] = logCall{0, 1}
			logCalls[where+level+"Context"] = logCall{1, 2}
			logCalls[where+"Log"] = logCall{2, 3}
			logCalls[where+"LogAttrs"] = logCall{2, 3}
			logCalls[where+"With"] = logCall{-1, 0}
		}
	}
	for _, kind := range []string{"String", "Int", "Int64", "Uint64", "Bool", "Float64", "Time", "Duration", "Any", "Group"} {
		logCalls["log/slog."+kind] = logCall{-1, 0}
	}
}

var snakeCase = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// logText refuses records that nobody can search for.
func logText(p *pass, n ast.Node) {
	c, ok := n.(*ast.CallExpr)
	if !ok {
		return
	}
	name := p.callee(c)
	at, ok := logCalls[name]
	if !ok {
		return
	}
	if at.message >= 0 && at.message < len(c.Args) {
		text, constant := p.constant(c.Args[at.message])
		switch {
		case !constant:
			p.report(c.Args[at.message], "the message is not constant; what differs is an attribute")
		case strings.HasSuffix(text, ".") || strings.Contains(text, "\n"):
			p.report(c.Args[at.message], "the message is a phrase, with no full stop and no line break")
		}
	}
	if c.Ellipsis.IsValid() {
		return // made elsewhere
	}
	for i := at.attrs; i < len(c.Args); i++ {
		if isAttr(p, c.Args[i]) {
			continue // checked where it is made
		}
		key, constant := p.constant(c.Args[i])
		if !constant {
			p.report(c.Args[i], "the key of an attribute is not constant")
		} else if !snakeCase.MatchString(key) {
			p.report(c.Args[i], "the key %q is not in snake_case", key)
		}
		if strings.HasPrefix(name, "log/slog.") && at.message < 0 && !strings.HasSuffix(name, "With") {
			return // String(key, value)
		}
		i++ // its value
	}
}

func isAttr(p *pass, e ast.Expr) bool {
	t, ok := p.TypesInfo.TypeOf(e).(*types.Named)
	return ok && t.Obj().Name() == "Attr" && t.Obj().Pkg() != nil && t.Obj().Pkg().Path() == "log/slog"
}
