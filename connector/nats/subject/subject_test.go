package subject

import (
	"strings"
	"testing"

	"mcollective/internal/subtest"
)

func TestSubjects(t *testing.T) {
	if s, err := Broadcast("mcollective", "rpcutil"); s != "mcollective.broadcast.agent.rpcutil" || err != nil {
		t.Errorf("%s, %v", s, err)
	}
	if s, err := Node("mcollective", "web-1.example.com"); s != "mcollective.node.web-1.example.com" || err != nil {
		t.Errorf("%s, %v", s, err)
	}
	a, err := NewReply("mcollective", "me.example.com")
	if b, _ := NewReply("mcollective", "me.example.com"); err != nil || a == b || !strings.HasPrefix(a, "mcollective.reply.me.example.com.") {
		t.Errorf("%s and %s, %v", a, b, err)
	}
	if c, ok := ParseReply(a); c != "mcollective" || !ok {
		t.Errorf("%s is of %q, %v", a, c, ok)
	}
	for _, bad := range []string{"", "*", ">", "a b", "a.", ".a", "a..b", "a\n", "a\x00", strings.Repeat("x", MaxName+1)} {
		_, err1 := Broadcast(bad, "agent")
		_, err2 := Broadcast("mcollective", bad)
		_, err3 := Node(bad, "n1")
		_, err4 := Node("mcollective", bad)
		_, err5 := NewReply(bad, "n1")
		_, err6 := NewReply("mcollective", bad)
		for i, err := range []error{err1, err2, err3, err4, err5, err6} {
			if err == nil {
				t.Errorf("case %d: %.40q is part of a subject", i, bad)
			}
		}
	}
}

func TestParse(t *testing.T) {
	for s, want := range map[string][2]string{
		"mcollective.broadcast.agent.rpcutil": {"mcollective", "rpcutil"}, "uk.broadcast.agent.a": {"uk", "a"},
		"": {}, ">": {}, "mcollective.broadcast.agent.": {}, "mcollective.broadcast.agent.*": {}, "mcollective.broadcast.agent.a.b": {},
		"*.broadcast.agent.a": {}, ".broadcast.agent.a": {}, "a.b.broadcast.agent.x": {}, "a b.broadcast.agent.x": {}, "mcollective.node.web1": {},
		"a.broadcast.agent.b.broadcast.agent.c": {}, strings.Repeat("a", 9000) + ".broadcast.agent.x": {},
	} {
		t.Run(subtest.Name(s), func(t *testing.T) {
			if c, a, ok := ParseBroadcast(s); c != want[0] || a != want[1] || ok != (want[0] != "") {
				t.Errorf("%.60q: %q, %q, %v", s, c, a, ok)
			}
		})
	}
	for s, want := range map[string][2]string{
		"mcollective.node.web1": {"mcollective", "web1"}, "mcollective.node.web1.example.com": {"mcollective", "web1.example.com"},
		"mcollective.node.node.node": {"mcollective", "node.node"}, "mcollective.node.a.node.b": {"mcollective", "a.node.b"},
		"": {}, "mcollective.node.": {}, "mcollective.node.>": {}, "mcollective.node.a..b": {}, "*.node.a": {}, "a.b.node.c": {},
		"mcollective.broadcast.agent.a": {}, "mcollective.reply.a.b": {},
	} {
		t.Run(subtest.Name(s), func(t *testing.T) {
			if c, n, ok := ParseNode(s); c != want[0] || n != want[1] || ok != (want[0] != "") {
				t.Errorf("%q: %q, %q, %v", s, c, n, ok)
			}
		})
	}
	for s, want := range map[string]string{
		"mcollective.reply.client.example.net.ABC": "mcollective", "uk.reply.x": "uk", "_INBOX.abc.def": "", "_INBOX.x": "",
		"": "-", "_INBOX.": "-", "_INBOX.*": "-", "_INBOX.>": "-", "_INBOX": "-", "mcollective.reply.": "-", "mcollective.reply.>": "-",
		"mcollective.reply.*.X": "-", ".reply.a": "-", "mcollective.reply..X": "-", "mcollective.reply.a b": "-", "a.b.reply.x": "-",
		"mcollective.node.reply": "-", "_MCO_REPLY.X": "-", "mcollective.node.x.reply.y": "-",
	} {
		t.Run(subtest.Name(s), func(t *testing.T) {
			if c, ok := ParseReply(s); ok != (want != "-") || ok && c != want {
				t.Errorf("%q: %q, %v", s, c, ok)
			}
		})
	}
}

func TestListensForReplies(t *testing.T) {
	for s, want := range map[string]bool{
		"mcollective.reply.me.ABC": true, "_INBOX.abc": true, "_INBOX.abc.*": true, "_INBOX.abc.>": true,
		"": false, ">": false, "_INBOX.*": false, "_INBOX.>": false, "_INBOX.": false, "_INBOX.*.x": false, "_INBOX..x": false,
		"mcollective.reply.>": false, "mcollective.reply.me.*": false, "*.reply.me": false, "mcollective.node.web1": false,
	} {
		t.Run(subtest.Name(s), func(t *testing.T) {
			if ListensForReplies(s) != want {
				t.Errorf("%q: %v", s, !want)
			}
		})
	}
}

// FuzzParse: what is parsed is what is made, and nothing with another meaning.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"a.broadcast.agent.b", "a.node.b.c", "a.reply.b.C", "_INBOX.x", "a..b", ".a", "a.", "*", ">", "a b", "", "a\x00", "ü.ö"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if c, a, ok := ParseBroadcast(s); ok {
			if made, err := Broadcast(c, a); err != nil || made != s {
				t.Errorf("%q is made as %q, %v", s, made, err)
			}
		}
		if c, n, ok := ParseNode(s); ok {
			if made, err := Node(c, n); err != nil || made != s {
				t.Errorf("%q is made as %q, %v", s, made, err)
			}
		}
		_, isReply := ParseReply(s)
		for _, dots := range []bool{true, false} {
			if s == "" || ForbiddenAt(s, dots) >= 0 {
				if isReply && dots {
					t.Errorf("%q counts as an address", s)
				}
				continue
			}
			tokens := strings.Split(s, ".")
			if len(tokens) > 1 && !dots {
				t.Fatalf("%q: a dot got through", s)
			}
			for _, token := range tokens {
				if token == "" || strings.ContainsAny(token, "*> \t\r\n\x00\x0b\x0c\x1f") {
					t.Fatalf("%q: token %q got through", s, token)
				}
			}
		}
	})
}
