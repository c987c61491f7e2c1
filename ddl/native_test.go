package ddl

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mcollective/internal/subtest"
	"mcollective/rpc"
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
	got, extra, err := ParseDescriptor("hello.yaml", []byte(hello))
	if err != nil {
		t.Fatal(err)
	}
	want := &Definition{
		Kind:     Agent,
		Metadata: rpc.Metadata{Agent: "hello", Name: "hello", Description: "Greets from PHP", Timeout: 10 * time.Second},
		Requires: []Requirement{{"mcollective", "2.2.10"}},
		Actions: []*Action{{
			Name: "greet", Description: "Say hello", Display: DisplayFailed,
			Inputs:    []*Input{{Name: "name", Prompt: "Name", Description: "Whom to greet", Type: String, MaxLength: 60}},
			Outputs:   []*Output{{Name: "message", Description: "The greeting", DisplayAs: "Message", Type: String}, {Name: "php", Description: "PHP version", DisplayAs: "Php", Type: String}},
			Summaries: []*Summary{{Function: "count", Output: "php"}},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]any{"command": "hello.php", "requires": map[string]any{"commands": []any{"php"}}}, extra); diff != "" {
		t.Error(diff)
	}
	if d, err := Parse("hello.yaml", []byte("\ufeff"+strings.ReplaceAll(hello, "\n", "\r\n"))); err != nil || d.Hash() != got.Hash() {
		t.Errorf("a client reads %v, %v", d, err)
	}
}

func TestDefaults(t *testing.T) {
	d, err := Parse("dir/my_agent.yml", []byte("actions:\n  do_it:\n    input: {a: , b: {default: false}, c: {default: 1, required: false}, d: {list: [x]}}"))
	if err != nil {
		t.Fatal(err)
	}
	if d.Kind != Agent || d.Metadata.Agent != "my_agent" || d.Metadata.Description != "My agent" {
		t.Errorf("%+v", d.Metadata)
	}
	a := d.Action("do_it")
	for i, optional := range []bool{true, false, true, true} {
		if a.Inputs[i].Optional != optional {
			t.Errorf("input %s: optional is %v", a.Inputs[i].Name, !optional)
		}
	}
	if a.Description != "Do it" || a.Inputs[0].Type != String || a.Inputs[3].Type != List {
		t.Errorf("%+v", a)
	}
}

func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                                      "x.yaml: the file is empty, which defines nothing",
		"- a":                                   "x.yaml:1: the definition must be a map of keys and values",
		"agent: a\nactoins: {}":                 `x.yaml:2: unknown key "actoins"; did you mean "actions"?`,
		"agent: a\nfrobnicate: {}":              `x.yaml:2: unknown key "frobnicate"`,
		"agent: a\ndata: b":                     "x.yaml:2: it is of kind agent and cannot be of kind data too",
		"agent: a\ncomand: {}":                  `x.yaml:2: unknown key "comand"; did you mean "command"?`,
		"data: a\ncommand: b":                   `x.yaml:2: unknown key "command"`,
		"agent: a\nagent: b":                    `x.yaml:2: the key "agent" of the definition comes twice`,
		"agent: ../a":                           `x.yaml: "../a" cannot be the name of a plugin: letters, digits and _ can, and after the first of them - and .`,
		"agent: a\ntimeout: soon":               `x.yaml:2: timeout must be a number of seconds or a duration like "2m30s", up to 277777h46m40s`,
		"agent: a\nactions: {b: {dispaly: ok}}": `x.yaml:2: unknown key "dispaly" of action b; did you mean "display"?`,
		"agent: a\nactions: {b: {display: never}}":                                   `display "never" is none of ok, failed, always and flatten`,
		"agent: a\nactions: {b: {input: {c: {type: sting}}}}":                        `unknown type "sting"; did you mean "string"?`,
		"agent: a\nactions: {b: {input: {c: {validation: shelsafe}}}}":               `unknown validator "shelsafe"; did you mean "shellsafe"?`,
		"agent: a\nactions: {b: {input: {c: {type: list}}}}":                         "input c is of type list and has no list",
		"agent: a\nactions: {b: {input: {c: {type: string, list: [a]}}}}":            "put it under validation",
		"agent: a\nactions: {b: {input: {c: {type: integer, max_length: 1}}}}":       "max_length is for inputs of type string",
		"agent: a\nactions: {b: {input: {c: {max_length: -1}}}}":                     "max_length must be a whole number from 0",
		"agent: a\nactions: {b: {input: {c: {required: yes}}}}":                      "required must be true or false",
		"agent: a\nactions: {b: {input: {c: {default: {$what: 1}}}}}":                `"$what" does not begin a value`,
		"agent: a\nactions: {b: {input: {c: {default: {$hash: [1]}}}}}":              "a pair of a key and a value is needed",
		"agent: a\nactions: {b: {input: {c: {default: 99999999999999999999}}}}":      "",
		"agent: a\nactions: {b: {input: {c: {validation: {regexp: a, list: [b]}}}}}": "a validation is one of",
		"agent: a\nactions: {b: {output: {c: {summarize: {format: x}}}}}":            "a summary needs a function",
		"agent: a\nactions: {b: {summarize: [[sum]]}}":                               "a summary cannot be a list",
		"agent: a\nname: &x b\nurl: *x":                                              "aliases are not allowed",
		"agent: a\nname: \"a\\eb\"":                                                  "holds a control character",
		"data: a\nrequires: {puppet: 1}":                                             `unknown requirement "puppet"; there are mcollective, choria`,
		"discovery: a\ncapabilities: [time]":                                         `"time" is no capability`,
		"discovery: a\ncapabilities: [facts, facts]":                                 "comes twice",
		"agent: a\nusage: " + strings.Repeat("x", maxText+1):                         "longer than 65536",
		"agent: a\nactions: {" + strings.Repeat("x", 200) + ": }":                    "is no name",
	} {
		t.Run(subtest.Name(text), func(t *testing.T) {
			_, err := Parse("x.yaml", []byte(text))
			if want == "" && err == nil {
				return
			}
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%.80s: %v, want %s", text, err, want)
			}
		})
	}
	for file, want := range map[string]string{"a.txt": "a definition ends in", "a.json": "line 1"} {
		t.Run(file, func(t *testing.T) {
			if _, err := Parse(file, []byte("agent: a")); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", file, err)
			}
		})
	}
	if _, err := Parse("a.json", []byte("{\"agent\": \"a\",\n \"nmae\": 1}")); err == nil || !strings.HasPrefix(err.Error(), "a.json:2: ") {
		t.Errorf("%v", err)
	}
	if _, err := Parse("a.yaml", make([]byte, MaxBytes+1)); err == nil {
		t.Error("a large file is read")
	}
}
