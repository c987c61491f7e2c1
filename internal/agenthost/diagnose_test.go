package agenthost

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDiagnosis has agents that people take for working ones: what is wrong with them does not show in an editor.
func TestDiagnosis(t *testing.T) {
	dir := directory(t, map[string]string{
		"crlf.sh":        "#!/bin/sh\r\necho 1\r\n",
		"mark.sh":        "\ufeff#!/bin/sh\necho 1\n",
		"inert.sh":       "#!/bin/sh\necho 1\n",
		"both.sh":        "\ufeff#!/bin/sh\r\necho 1\n",
		"described":      "#!/bin/sh\n",
		"described.yaml": "agent: described\nactions:\n  go: {}\n",
		"top.yaml":       "agent: top\ndescription: x\nconcurency: 2\n",
		"limits.yaml":    "agent: limits\nlimits:\n  memory: 1M\n  proceses: 2\n",
		"needs.json":     "{\"agent\": \"needs\",\n \"requires\": {\n  \"commands\": [\"sh\"],\n  \"file\": []}}",
		"value.yaml":     "agent: value\n\nmode: demon\n",
		"deep.yaml":      "agent: deep\nlimits:\n  files: 1\n",
		"good.sh":        "#!/bin/sh\necho 1\r\n",
		"good.txt":       "not a script",
		"lib.py":         "import mco\n",
		"helped":         "#!/bin/sh\n",
		"helped.inc":     "#!/bin/sh\n",
	})
	for name, mode := range map[string]os.FileMode{"mark.sh": 0o755, "both.sh": 0o755, "inert.sh": 0o644, "described": 0o644, "helped.inc": 0o644} {
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	l := NewLoader(Options{Dirs: []string{dir}, Unchecked: true})
	defer l.Close()
	agents, problems := l.Load(t.Context())
	wants := map[string]string{
		"crlf":      dir + "/crlf.sh:1: the line ends with a carriage return, which the system takes for a part of \"#!/bin/sh\"; run: sed -i 's/\\r$//' " + dir + "/crlf.sh",
		"mark":      dir + "/mark.sh:1: a byte order mark before the #! hides it from the system; run: sed -i '1s/^\\xef\\xbb\\xbf//' " + dir + "/mark.sh",
		"both":      "both.sh:1: a byte order mark",
		"inert":     dir + "/inert.sh is not executable; run: chmod +x " + dir + "/inert.sh",
		"described": dir + "/described is not executable; run: chmod +x " + dir + "/described",
		"top":       `top.yaml:3: unknown key "concurency"; did you mean "concurrency"?`,
		"limits":    `limits.yaml:4: unknown key "proceses" in limits; did you mean "processes"?`,
		"needs":     `needs.json:4: unknown key "file" in requires; did you mean "files"?`,
		"value":     `value.yaml:3: mode is to be one of oneshot, worker, not "demon"`,
		"deep":      `deep.yaml:3: limits.files is to be a number`,
	}
	for _, p := range problems {
		if want, ok := wants[p.Agent]; !ok || !strings.Contains(p.Error(), want) {
			t.Errorf("%s: %v\nwant %q", p.Agent, p, want)
		}
		delete(wants, p.Agent)
	}
	for name := range wants {
		t.Errorf("no problem with %s", name)
	}
	if len(agents) != 2 || agents["good"] == nil || agents["helped"] == nil {
		t.Errorf("%v", agents)
	}
	if _, err := Open(filepath.Join(dir, "inert.sh"), Options{Unchecked: true}); err == nil || !strings.Contains(err.Error(), "chmod +x") {
		t.Errorf("opened: %v", err)
	}
}
