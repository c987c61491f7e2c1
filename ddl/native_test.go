package ddl

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const hello = `# agents/hello.yaml
agent: hello
description: Greets from PHP
command: hello.php
requires: {mcollective: 2.2.10, commands: [php]}
actions:
  greet:
    description: Say hello
    input:
      name: {type: string, description: Whom to greet, max_length: 60, required: true}
    output:
      message: {type: string, description: The greeting}
      php:     {type: string, description: PHP version, summarize: count}
`

func TestNative(t *testing.T) {
	d, extra, err := ParseDescriptor("hello.yaml", []byte(hello))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"command": "hello.php", "requires": map[string]any{"commands": []any{"php"}}}
	if diff := cmp.Diff(want, extra); diff != "" {
		t.Error(diff)
	}
	y, err := d.YAML()
	t.Logf("%s %v", y, err)
	j, err := d.JSON()
	t.Logf("%s %v %s", j, err, d.Hash())
	t.Log(d.Help(0))
	again, err := Parse("x.json", j)
	if diff := cmp.Diff(d, again); diff != "" || err != nil {
		t.Error(diff, err)
	}
	again, err = Parse("x.yaml", y)
	if diff := cmp.Diff(d, again); diff != "" || err != nil {
		t.Error(diff, err)
	}
}
