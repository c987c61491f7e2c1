package agenthost

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mcollective/internal/agenthost/adapter"
	"mcollective/internal/dirtest"
	"mcollective/internal/subtest"
	"mcollective/internal/waittest"
	"mcollective/rpc"
)

// load reads a directory, and returns its agents and what is wrong with the others.
func load(t *testing.T, o Options) (map[string]*Agent, map[string]string) {
	t.Helper()
	found, problems := Load(t.Context(), o)
	agents, wrong := map[string]*Agent{}, map[string]string{}
	for name, a := range found {
		agents[name] = a.(*Agent)
	}
	for _, p := range problems {
		wrong[p.Agent] = p.Err.Error()
	}
	return agents, wrong
}

// TestDescriptorBesideAForeignOne has keys of ours beside the description that a
// program brings along.
func TestDescriptorBesideAForeignOne(t *testing.T) {
	const task = `{"description": "From Bolt", "puppet_task_version": 1, "parameters": {"name": {"type": "String"}}}`
	const choria = `{"$schema": "https://choria.io/schemas/mcorpc/ddl/v1/agent.json", "metadata": {"name": "c", "description": "From Choria", "version": "1.2.3", "timeout": 7},
		"actions": [{"action": "ping", "input": {}, "output": {}}]}`
	const ruby = "metadata :name => 'r', :description => 'From Ruby', :author => 'A', :license => 'L', :version => '1', :url => 'u', :timeout => 7\naction 'go', :description => 'Goes' do\nend"
	own := "timeout: 20m\ngrace: 45s\nenv: {A: x}\nlimits: {output: 5M}\nconcurrency: 2\nargs: [-v]\n"
	dir := directory(t, map[string]string{
		"b.sh": "#!/bin/sh\necho \"$1 $A $PT_name\"", "b.json": task, "b.yaml": "agent: b\n" + own,
		"c": "#!/bin/sh\n", "c.json": choria, "c.yaml": "agent: c\ndescription: Ours\n" + own,
		"r": "#!/bin/sh\n", "r.ddl": ruby, "r.yaml": "agent: r\nprotocol: mcollective\n" + own,
		"plain.sh": "#!/bin/sh\n", "plain.json": task, // nothing of ours
		"full.sh": "#!/bin/sh\necho \"$PT_name\"", "full.json": task, "full.yaml": "agent: full\nactions:\n  run:\n    timeout: 90\n    input: {name: {type: string}}\n",
		"work.sh": "#!/bin/sh\n", "work.json": task, "work.yaml": "agent: work\nmode: worker\n",
		"odd.sh": "#!/bin/sh\n", "odd.json": task, "odd.yaml": "agent: odd\nprotocol: nagios\n",
		"out.sh": "#!/bin/sh\n", "out.json": task, "out.yaml": "agent: out\noutput: json\n",
	})
	agents, wrong := load(t, Options{Dirs: []string{dir}})
	for name, want := range map[string]struct {
		protocol    adapter.Protocol
		description string
		timeout     time.Duration
		grace       time.Duration
	}{
		"b":     {adapter.Bolt, "From Bolt", 20 * time.Minute, 45 * time.Second},
		"c":     {adapter.Choria, "Ours", 20 * time.Minute, 45 * time.Second},
		"r":     {adapter.MCollective, "From Ruby", 20 * time.Minute, 45 * time.Second},
		"plain": {adapter.Bolt, "From Bolt", 10 * time.Minute, 30 * time.Second},
		"full":  {adapter.Bolt, "Full", 10 * time.Second, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			a, ok := agents[name]
			if !ok {
				t.Errorf("%s: %s", name, wrong[name])
				return
			}
			m := a.Definition().Metadata
			if a.program.Protocol != want.protocol || m.Description != want.description || m.Timeout != want.timeout || a.program.Grace != want.grace {
				t.Errorf("%s: protocol %s, %q, timeout %v, grace %v", name, a.program.Protocol, m.Description, m.Timeout, a.program.Grace)
			}
		})
	}
	if c := agents["c"].Definition().Metadata; c.Version != "1.2.3" {
		t.Errorf("what our descriptor does not say is lost: %+v", c)
	}
	for name, want := range map[string]string{
		"work": "work.yaml: mode worker is for protocol mco, not bolt",
		"odd":  "odd.json: it describes a program of protocol bolt, and odd.yaml says that it is nagios",
		"out":  "out.yaml: format and output are for protocol mco; bolt defines its own output",
	} {
		t.Run(name, func(t *testing.T) {
			if wrong[name] != want {
				t.Errorf("%s: %q", name, wrong[name])
			}
		})
	}
	if r := call(t.Context(), agents["b"], "run", sym("name"), "sda"); data(r) != `{"_output":"-v x sda"}` {
		t.Errorf("%s %s", r.Message, data(r))
	}
}

func TestImplementations(t *testing.T) {
	dir := directory(t, map[string]string{
		"disk.json":    `{"implementations": [{"name": "disk.ps1", "requirements": ["powershell"]}, {"name": "disk_sh.sh", "requirements": ["shell"], "input_method": "environment", "files": ["mod/files/more.sh"]}, {"name": "disk.rb"}], "files": ["mod/lib/"]}`,
		"disk_sh.sh":   "#!/bin/sh\ncat \"$PT__installdir/mod/files/more.sh\" \"$PT__installdir/mod/lib/one\"; cat",
		"disk_sh.json": `{"private": true, "parameters": {}}`,
		"disk.ps1":     "x", "disk.rb": "#!/usr/bin/env ruby\n",
		"mod/files/more.sh": "more ", "mod/lib/one": "one",
		"part.json": `{"implementations": [{"name": "part_a.sh", "requirements": ["powershell"]}, {"name": "part_b.sh", "requirements": ["martian"]}]}`,
		"part_a.sh": "#!/bin/sh\n", "part_b.sh": "#!/bin/sh\n",
		"public.json": `{"implementations": [{"name": "also.sh"}]}`, "also.sh": "#!/bin/sh\n", "also.json": `{"parameters": {}}`,
		"gone.json": `{"implementations": [{"name": "gone.sh"}]}`,
	})
	agents, wrong := load(t, Options{Dirs: []string{dir}})
	var names []string
	for _, name := range []string{"disk", "disk_sh", "part", "part_a", "part_b", "public", "also", "gone"} {
		if agents[name] != nil {
			names = append(names, name)
		}
	}
	if got := strings.Join(names, " "); got != "disk public also" {
		t.Fatalf("agents are %s; %v", got, wrong)
	}
	if r := call(t.Context(), agents["disk"], "run"); data(r) != `{"_output":"more one"}` {
		t.Errorf("%s %s", r.Message, data(r))
	}
	if got := wrong["part"]; !strings.HasPrefix(got, `none of its "implementations" can run here: part_a.sh requires powershell, part_b.sh requires martian; this machine has the features: shell`) {
		t.Error(got)
	}
	if got := wrong["gone"]; !strings.Contains(got, "gone.sh") || !strings.Contains(got, "no such file") {
		t.Error(got)
	}
}

// TestTaskKeysThatAreRefused names the key in each refusal.
func TestTaskKeysThatAreRefused(t *testing.T) {
	for metadata, want := range map[string]string{
		`{"remote": true}`:                                    `t.json: the key "remote" is not supported: such a task runs on a proxy, for a target that has no agent`,
		`{"input_method": "powershell"}`:                      `t.json: the key "input_method" has the value "powershell", which is not supported; stdin, environment and both are`,
		`{"input_method": "pigeon"}`:                          `t.json: the key "input_method" is to be stdin, environment or both, not "pigeon"`,
		`{"implementations": [{"name": "../t.sh"}]}`:          `t.json: the key "implementations" names "../t.sh", which is not the name of a file`,
		`{"implementations": "t.sh"}`:                         `implementations`,
		`{"files": ["mod/files/x"]}`:                          `the key "files" names mod/files/x, which is not there; put it at DIR/mod/files/x`,
		`{"files": ["../x"]}`:                                 `the key "files" names "../x", which is not below DIR`,
		`{"files": ["./"]}`:                                   `the key "files" names "./", which is not below DIR`,
		`{"files": ["t.sh/"]}`:                                `the key "files" names t.sh/; only the name of a directory ends in /`,
		`{"parameters": {}, "files": ["dir"]}`:                `the key "files" names dir; only the name of a directory ends in /`,
		`{"parameters": {}, "frobnicate": 1, "supports": ""}`: "",
	} {
		t.Run(subtest.Name(metadata), func(t *testing.T) {
			dir := directory(t, map[string]string{"t.sh": "#!/bin/sh\n", "t.json": metadata, "dir/x": ""})
			var log logBuffer
			agents, wrong := load(t, Options{Dirs: []string{dir}, Log: logger(&log)})
			if got := strings.ReplaceAll(wrong["t"], dir, "DIR"); want == "" != (agents["t"] != nil) || !strings.Contains(got, want) {
				t.Errorf("%s: %q", metadata, got)
			}
			if want == "" && !strings.Contains(log.String(), `level=WARN msg="metadata of the task has unknown keys" agent=t keys=frobnicate,supports`) {
				t.Error(log.String())
			}
		})
	}
}

func TestInterpreters(t *testing.T) {
	dir := directory(t, map[string]string{
		"fake.sh": "#!/bin/sh\necho \"interpreted $*\"; cat",
		"lost.rb": "#!/opt/no/such/ruby\n", "lost.json": `{"parameters": {}}`,
		"bare.rb": "no first line, and not executable\n", "bare.json": `{"parameters": {}}`,
		"other.rb": "#!/opt/no/such/ruby\n", "other.yaml": "agent: other\nactions: {run: {}}\n",
	})
	agents, _ := load(t, Options{Dirs: []string{dir}})
	if r := call(t.Context(), agents["lost"], "run"); r.Status != rpc.UnknownError || !strings.HasSuffix(r.Message,
		"no such file or directory; its first line names /opt/no/such/ruby, which is not there; plugin.bolt.interpreters in server.cfg names another one: .rb=/usr/bin/...") {
		t.Error(r.Message)
	}
	if agents["bare"] != nil {
		t.Error("a file that is not executable is an agent")
	}
	interpreters, err := ParseInterpreters(" .rb = " + filepath.Join(dir, "fake.sh") + ", .py=/usr/bin/python3")
	if err != nil {
		t.Fatal(err)
	}
	agents, wrong := load(t, Options{Dirs: []string{dir}, Interpreters: interpreters})
	for _, name := range []string{"lost", "bare"} {
		if agents[name] == nil {
			t.Errorf("%s: %s", name, wrong[name])
			continue
		}
		want := fmt.Sprintf(`{"_output":"interpreted %[1]s/%[2]s.rb\n{\"_installdir\":\"%[1]s\",\"_task\":\"%[2]s\"}"}`, dir, name)
		if r := call(t.Context(), agents[name], "run"); data(r) != want {
			t.Errorf("%s %s", r.Message, data(r))
		}
	}
	if r := call(t.Context(), agents["other"], "run"); r.Status == rpc.OK {
		t.Error("an agent that is no task of Bolt has the interpreter of tasks")
	}
	os.Chmod(filepath.Join(dir, "fake.sh"), 0o777)
	if r := call(t.Context(), agents["lost"], "run"); r.Status == rpc.OK || !strings.Contains(r.Message, "fake.sh") {
		t.Errorf("anybody may write to the interpreter: %s", r.Message)
	}
	for _, bad := range []string{"rb=/usr/bin/ruby", ".rb=ruby", ".rb", ".=/x", ".rb=/x,", ".rb=/x,.rb=/y", ","} {
		if got, err := ParseInterpreters(bad); err == nil {
			t.Errorf("%q is %v", bad, got)
		}
	}
	if got, err := ParseInterpreters(""); err != nil || len(got) > 0 {
		t.Error(got, err)
	}
}

// TestConcurrency has more callers than a one-shot takes at once.
func TestConcurrency(t *testing.T) {
	gate := filepath.Join(dirtest.New(t), "gate")
	dir := directory(t, map[string]string{
		"x":      "#!/bin/sh\necho begun >> " + gate + ".begun\nwhile [ ! -e " + gate + " ]; do sleep 0.01; done\n",
		"x.yaml": "agent: x\nconcurrency: 2\ntimeout: 40\nactions: {run: {}}\n",
	})
	a := open(t, filepath.Join(dir, "x.yaml"), Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	ended := make(chan *rpc.Reply, 3)
	for range 2 {
		go func() { ended <- call(ctx, a, "run") }()
	}
	waittest.Until(t, "two programs to begin", func() bool {
		b, _ := os.ReadFile(gate + ".begun")
		return strings.Count(string(b), "begun") == 2
	})
	short, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer stop()
	if r := call(short, a, "run"); r.Status != rpc.UnknownError || r.Message != "busy: agent x runs 2 calls at once, and none of them has ended in time; try again later" {
		t.Errorf("%d %s", r.Status, r.Message)
	}
	off, breakOff := context.WithCancel(t.Context())
	breakOff()
	if r := call(off, a, "run"); r.Message != "the call of agent x was broken off" {
		t.Errorf("%d %s", r.Status, r.Message)
	}
	go func() { ended <- call(ctx, a, "run") }() // has its turn when another ends
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if r := waittest.Receive(t, "a call to end", ended); r.Status != rpc.OK {
			t.Errorf("%d %s", r.Status, r.Message)
		}
	}
	if b, _ := os.ReadFile(gate + ".begun"); strings.Count(string(b), "begun") != 3 {
		t.Errorf("%q", b)
	}
}

// TestHalf: a call does not wait for its turn until no time is left to run.
func TestHalf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		waiting, stop := half(ctx)
		defer stop()
		began := time.Now()
		if <-waiting.Done(); time.Since(began) != 4*time.Second {
			t.Errorf("it waits %v", time.Since(began))
		}
	})
}
