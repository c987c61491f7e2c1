package lint

import (
	"go/ast"
	"go/constant"
	"strconv"
)

// imports are packages that only some may use, with the reason of each.
var imports = map[string]struct {
	why     string
	allowed map[string]string
}{
	"crypto/md5": {"MD5 protects nothing", map[string]string{
		"mcollective/internal/agents/file":     "the agents filemgr and file state it, as Ruby's do",
		"mcollective/internal/agents/packages": "the agent package states the checksum of a list, as Ruby's does",
		"mcollective/security/aes":             "Ruby's provider derives keys by it",
		"mcollective/security/psk":             "Ruby's PSK provider signs by it",
	}},
	"crypto/sha1": {"SHA-1 protects nothing", map[string]string{
		"mcollective/internal/facts": "Facter's name of a disk's serial number",
		"mcollective/security/ssl":   "Ruby's provider signs by it",
	}},
	"crypto/des": {"DES protects nothing", nil},
	"crypto/rc4": {"RC4 protects nothing", nil},
	"math/rand":  {"use math/rand/v2, or crypto/rand for secrets", nil},
	"math/rand/v2": {"its numbers can be predicted; use crypto/rand for secrets", map[string]string{
		"mcollective/internal/enroll":       "when members ask, so that they do not all ask at once",
		"mcollective/client":                "which nodes of many are called",
		"mcollective/connector/nats":        "jitter between attempts to connect",
		"mcollective/internal/definitions":  "which node is asked for a definition",
		"mcollective/internal/run":          "the mark by which processes are found; it gives no right",
		"mcollective/internal/server":       "jitter between attempts to subscribe",
		"mcollective/internal/swarm":        "what machines are made up",
		"mcollective/security/securitytest": "damage that tests do to messages",
		"mcollective/stomp":                 "jitter between attempts to connect",
	}},
	"net/http/pprof": {"it opens the insides of the program to anyone who reaches it", nil},
	"log":            {"use log/slog", nil},
}

// modes are where functions have the mode of a file.
var modes = map[string]int{
	"os.WriteFile": 2, "os.OpenFile": 2, "os.Mkdir": 1, "os.MkdirAll": 1, "os.Chmod": 1, "os.File.Chmod": 0,
	"os.Root.OpenFile": 2, "os.Root.Mkdir": 1, "os.Root.MkdirAll": 1, "os.Root.Chmod": 1, "os.Root.WriteFile": 2,
}

// danger refuses what needs a reason that somebody has looked at.
func danger(p *pass, n ast.Node) {
	switch n := n.(type) {
	case *ast.ImportSpec:
		path, _ := strconv.Unquote(n.Path.Value)
		if rule, ok := imports[path]; ok && rule.allowed[p.Pkg.Path()] == "" {
			p.report(n, "%s is imported: %s", path, rule.why)
		}
	case *ast.CallExpr:
		name := p.callee(n)
		if i, ok := modes[name]; ok && i < len(n.Args) {
			if v := p.TypesInfo.Types[n.Args[i]].Value; v != nil {
				if mode, ok := constant.Int64Val(v); ok && mode&0o022 != 0 {
					p.report(n.Args[i], "mode %#o lets others write", mode)
				}
			}
		}
		if name == "io.ReadAll" && len(n.Args) == 1 && !limited(p, n.Args[0]) {
			p.report(n, "io.ReadAll of what has no limit; use io.LimitReader")
		}
	case *ast.KeyValueExpr:
		if id, ok := n.Key.(*ast.Ident); ok && id.Name == "InsecureSkipVerify" {
			if v := p.TypesInfo.Types[n.Value].Value; v == nil || constant.BoolVal(v) {
				p.report(n, "the certificate of the other side is not verified")
			}
		}
	}
}

// limited reports whether a reader ends by itself.
func limited(p *pass, e ast.Expr) bool {
	c, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok {
		return false
	}
	switch p.callee(c) {
	case "io.LimitReader", "net/http.MaxBytesReader", "bytes.NewReader", "strings.NewReader", "bytes.NewBufferString", "io.NewSectionReader":
		return true
	}
	return false
}
