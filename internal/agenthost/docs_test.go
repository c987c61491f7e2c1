package agenthost

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"mcollective/agent"
	"mcollective/internal/dirtest"
	"mcollective/internal/run"
	"mcollective/internal/subtest"
)

// TestDocs runs the agents of docs/agents.md.
func TestDocs(t *testing.T) {
	doc, err := os.ReadFile("../../docs/agents.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := dirtest.New(t)
	named := regexp.MustCompile(`(?m)^(?:#|//) agents/(\S+)$`)
	files := 0
	for _, block := range regexp.MustCompile("(?ms)^```[a-z]+\n(.*?)^```$").FindAllStringSubmatch(string(doc), -1) {
		if name := named.FindStringSubmatch(block[1]); name != nil {
			put(t, filepath.Join(dir, name[1]), block[1])
			files++
		}
	}
	helper, err := os.ReadFile("../../sdk/mco.py")
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "mco.py"), string(helper))
	l := NewLoader(Options{Dirs: []string{dir}})
	defer l.Close()
	agents, problems := l.Load(t.Context())
	for _, p := range problems {
		if p.Agent != "load" { // monitoring-plugins need not be there
			t.Error(p)
		}
	}
	if files < 9 || len(agents) < 5 {
		t.Fatalf("%d files, %d agents", files, len(agents))
	}
	for _, test := range []struct {
		agent, needs, action string
		inputs               []any
		want                 string
	}{
		{"uptime", "hostname", "run", nil, `"seconds":"`},
		{"hello", "php", "greet", []any{"name", "borg"}, `{"message":"Hello borg","php":"`},
		{"disk", "df", "free", []any{"path", "tmp"}, `{"free":`},
		{"counter", "python3", "add", []any{"by", int64(3)}, `{"count":3}`},
		{"counter", "python3", "add", nil, `{"count":4}`},
		{"greet", "python3", "hello", []any{"name", "borg"}, `{"message":"hello borg"}`},
		{"load", "/usr/lib/nagios/plugins/check_load", "check", []any{"warning", "900,900,900", "critical", "999,999,999"}, `"label":"load1"`},
	} {
		t.Run(subtest.Name(test.agent, test.needs), func(t *testing.T) {
			path, err := run.Look(test.needs)
			if err == nil {
				_, err = os.Stat(path)
			}
			if err != nil {
				t.Logf("%s: not tried: %v", test.agent, err)
				return
			}
			a := agents[test.agent].(*Agent)
			if err := a.Active(t.Context()); err != nil {
				t.Errorf("%s: %v", test.agent, err)
			}
			r := call(t.Context(), a, test.action, test.inputs...)
			if r.Status != 0 || !strings.Contains(data(r), test.want) {
				t.Errorf("%s: %d %s %s", test.agent, r.Status, r.Message, data(r))
			}
			if len(a.Definition().Actions[0].Outputs) > 0 {
				if wrong := a.Definition().Action(test.action).CheckReply(r); len(wrong) > 0 {
					t.Errorf("%s: %v", test.agent, wrong)
				}
			}
		})
	}
	for _, a := range agents {
		a.(agent.Closer).Close()
	}
}

// TestDocsKnowTheKeys compares the table of keys with what is read.
func TestDocsKnowTheKeys(t *testing.T) {
	doc, err := os.ReadFile("../../docs/agents.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("descriptor/settings.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range regexp.MustCompile(`(?m)^\t\tcase "(\w+)":`).FindAllStringSubmatch(string(source), -1) {
		if !strings.Contains(string(doc), "`"+key[1]+"`") {
			t.Errorf("docs/agents.md does not tell of %s", key[1])
		}
	}
}
