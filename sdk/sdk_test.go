package sdk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mcollective/agent"
	"mcollective/internal/agenthost"
	"mcollective/internal/dirtest"
	"mcollective/internal/run"
	"mcollective/internal/waittest"
	"mcollective/rpc"
	"mcollective/sdk"
	"mcollective/value"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// agents is one agent in each language: hello answers, hello without a name fails
// with a status, noise prints where it should not, and broken breaks.
var agents = map[string]string{
	"python": `#!/usr/bin/env python3
import mco, os
def hello(req):
    if "name" not in req.data:
        raise mco.Failure("no näme", mco.MISSING_DATA)
    mco.log("greeting", "warn")
    return {"message": "hello " + req.data["name"], "noop": req.noop, "caller": req.caller}
def noise(req):
    print("noise")
    os.system("echo more noise")
    return {"message": "quiet"}
def broken(req):
    return {"message": 1 // 0}
mco.serve({"hello": hello, "noise": noise, "broken": broken})
`,
	"ruby": `#!/usr/bin/env ruby
# encoding: utf-8
require_relative "mco"
Mco.serve(
  "hello" => lambda { |req|
    req.data["name"] or raise Mco::Failure.new("no näme", Mco::MISSING_DATA)
    Mco.log("greeting", :warn)
    { "message" => "hello " + req.data["name"], "noop" => req.noop, "caller" => req.caller }
  },
  "noise" => lambda { |req| puts "noise"; system("echo more noise"); { "message" => "quiet" } },
  "broken" => lambda { |req| 1 / 0 }
)
`,
	"perl": `#!/usr/bin/env perl
use strict; use warnings; use utf8; use FindBin; use lib $FindBin::Bin; use Mco;
Mco::serve(
  hello => sub {
    my ($req) = @_;
    Mco::fail("no näme", Mco::MISSING_DATA) unless defined $req->{data}{name};
    Mco::log("greeting", "warn");
    return { message => "hello $req->{data}{name}", noop => $req->{noop}, caller => $req->{caller} };
  },
  noise => sub { print "noise\n"; system("echo more noise"); return { message => "quiet" } },
  broken => sub { return { message => 1 / 0 } },
);
`,
	"php": `#!/usr/bin/env php
<?php
require __DIR__ . '/mco.php';
mco_serve([
  'hello' => function ($req) {
    if (!isset($req['data']['name'])) { mco_fail('no näme', MCO_MISSING_DATA); }
    mco_log('greeting', 'warn');
    return ['message' => 'hello ' . $req['data']['name'], 'noop' => $req['noop'], 'caller' => $req['caller']];
  },
  'noise' => function ($req) { echo "noise\n"; return ['message' => 'quiet']; },
  'broken' => function ($req) { throw new Exception('broken'); },
]);
`,
	"node": `#!/usr/bin/env node
const mco = require('./mco.js')
mco.serve({
  hello: async (req) => {
    if (!req.data.name) throw new mco.Failure('no näme', mco.MISSING_DATA)
    mco.log('greeting', 'warn')
    return { message: 'hello ' + req.data.name, noop: req.noop, caller: req.caller }
  },
  noise: (req) => { console.log('noise'); return { message: 'quiet' } },
  broken: (req) => { throw new TypeError('broken') }
})
`,
	"sh": `#!/bin/sh
. "${0%/*}/mco.sh"
action_hello() {
    [ -n "$MCO_ARG_name" ] || mco_fail "no näme" 3
    mco_log greeting warn
    mco_set message "hello $MCO_ARG_name"; mco_number noop "$MCO_NOOP"; mco_set caller "$MCO_CALLER"
}
action_noise() { echo noise; mco_set message quiet; }
action_broken() { return 7; }
mco_serve
`,
}

var interpreters = map[string]string{"python": "python3", "ruby": "ruby", "perl": "perl", "php": "php", "node": "node", "sh": "sh"}

func call(t *testing.T, a agent.Agent, action string, inputs ...any) (r *rpc.Reply, data string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	r = a.Definition().Action(action).Reply()
	req := &agent.Request{Request: &rpc.Request{Action: action, Data: value.NewMap(inputs...)}, ID: "id-1", CallerID: "uid=7", Time: time.Unix(1700000000, 0)}
	if err := a.Call(ctx, req, r); err != nil {
		r.Fail(err)
	}
	m := map[string]any{}
	for k, v := range r.Data.All() {
		m[fmt.Sprint(k)] = v
	}
	b, _ := json.Marshal(m)
	return r, string(b)
}

type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func TestHelpers(t *testing.T) {
	for lang, program := range agents {
		for _, mode := range []string{"oneshot", "worker"} {
			if lang == "sh" && mode == "worker" {
				continue
			}
			t.Run(lang+"/"+mode, func(t *testing.T) {
				if _, err := run.Look(interpreters[lang]); err != nil {
					t.Skip(err)
				}
				t.Parallel()
				dir := dirtest.New(t)
				write(t, dir, lang, "x", program)
				descriptor := "agent: x\ncommand: x\nmode: " + mode + "\nactions:\n  hello: {}\n  noise: {}\n  broken: {}\n  gone: {}\n"
				os.WriteFile(filepath.Join(dir, "x.yaml"), []byte(descriptor), 0o644)
				var log lines
				a, err := agenthost.Open(filepath.Join(dir, "x"), agenthost.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
				if err != nil {
					t.Fatal(err)
				}
				defer a.Close()
				tricky := "a\"b\\c\td é\n$(id) `id` 'x'"
				want, _ := json.Marshal(map[string]any{"caller": "uid=7", "message": "hello " + tricky, "noop": false})
				if r, data := call(t, a, "hello", "name", tricky); r.Status != 0 || r.Message != "OK" || data != string(want) {
					t.Errorf("hello: %d %s %s", r.Status, r.Message, data)
				}
				if r, data := call(t, a, "hello"); r.Status != rpc.MissingData || r.Message != "no näme" || data != "{}" {
					t.Errorf("no name: %d %s %s", r.Status, r.Message, data)
				}
				if r, data := call(t, a, "noise"); r.Status != 0 || data != `{"message":"quiet"}` {
					t.Errorf("noise: %d %s %s", r.Status, r.Message, data)
				}
				if r, data := call(t, a, "broken"); r.Status != 5 && lang != "sh" || r.Status == 0 || r.Message == "" || data != "{}" {
					t.Errorf("broken: %d %s %s", r.Status, r.Message, data)
				}
				if r, _ := call(t, a, "gone"); r.Status != rpc.UnknownAction || r.Message != "unknown action gone" {
					t.Errorf("gone: %d %s", r.Status, r.Message)
				}
				a.Close()
				log.mu.Lock()
				defer log.mu.Unlock()
				if out := log.b.String(); !strings.Contains(out, "level=WARN msg=greeting") || !strings.Contains(out, "noise") {
					t.Error(out)
				}
			})
		}
	}
}

// write puts a program and the helper of its language into a directory.
func write(t *testing.T, dir, lang, name, program string) {
	t.Helper()
	made, err := sdk.New(name, lang)
	if err != nil {
		t.Fatal(err)
	}
	helper := made[len(made)-1]
	if err := os.WriteFile(filepath.Join(dir, helper.Name), helper.Text, helper.Mode); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(program), 0o755); err != nil {
		t.Fatal(err)
	}
}

// TestNew makes the first agent in each language and calls it.
func TestNew(t *testing.T) {
	for _, lang := range sdk.Languages() {
		t.Run(lang, func(t *testing.T) {
			if name, ok := interpreters[lang]; ok {
				if _, err := run.Look(name); err != nil {
					t.Skip(err)
				}
			} else if testing.Short() {
				t.Skip("takes a compiler")
			}
			t.Parallel()
			dir := dirtest.New(t)
			made, err := sdk.New("greet", lang)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range made {
				if err := os.WriteFile(filepath.Join(dir, f.Name), f.Text, f.Mode); err != nil {
					t.Fatal(err)
				}
			}
			if lang == "go" {
				if out, err := exec.CommandContext(waittest.Within(t, 5*time.Minute), "go", "build", "-o", filepath.Join(dir, "greet"), filepath.Join(dir, "greet.go")).CombinedOutput(); err != nil {
					t.Skipf("no Go here: %v\n%s", err, out)
				}
			}
			a, err := agenthost.Open(filepath.Join(dir, "greet.yaml"), agenthost.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			r, data := call(t, a, "hello", "name", "borg")
			if r.Status != 0 || data != `{"message":"hello borg"}` {
				t.Errorf("%d %s %s", r.Status, r.Message, data)
			}
			if wrong := a.Definition().Action("hello").CheckReply(r); len(wrong) > 0 {
				t.Error(wrong)
			}
		})
	}
	if _, err := sdk.New("x", "cobol"); err == nil || !strings.Contains(err.Error(), "there are sh, php, python") {
		t.Error(err)
	}
}
