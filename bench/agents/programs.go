package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"mcollective/agent"
	"mcollective/internal/agenthost"
	"mcollective/internal/run"
	"mcollective/message"
	"mcollective/rpc"
	"mcollective/value"
)

// scripts are the one-shot programs, from the least that there is.
var scripts = []struct{ name, end, interpreter, text string }{
	{"true", "", "true", ""},
	{"sh", ".sh", "sh", "#!/bin/sh\necho '{\"n\": 1}'\n"},
	{"python", ".py", "python3", "#!/usr/bin/env python3\nimport json, sys\njson.load(sys.stdin)\nprint(json.dumps({'n': 1}))\n"},
}

// document is what a program is told, as the bare way does it.
const document = `{"id":"6d4bbbcd3a5f5a2d9fdd7c2bdc0e7a11","agent":"sh","action":"run","caller":"uid=0","sender":"admin.example",` +
	`"collective":"mcollective","noop":false,"time":1700000000,"ttl":60,"deadline":1700000010.5,"data":{}}` + "\n"

func oneShots(ctx context.Context, dir string, rounds int) error {
	for _, s := range scripts {
		interpreter, err := exec.LookPath(s.interpreter)
		if err != nil {
			fmt.Printf("%-22s skipped: %v\n", "one-shot, "+s.name, err)
			continue
		}
		path := filepath.Join(dir, s.name+s.end)
		if s.text == "" {
			err = os.Symlink(interpreter, path)
		} else {
			err = os.WriteFile(path, []byte(s.text), 0o755)
		}
		if err != nil {
			return err
		}
		if err := oneShot(ctx, "one-shot, "+s.name, path, rounds); err != nil {
			return err
		}
	}
	return nil
}

// oneShot compares calls of a program that is a script agent with just running it.
func oneShot(ctx context.Context, name, path string, rounds int) error {
	a, err := agenthost.Open(path, agenthost.Options{})
	if err != nil {
		return err
	}
	h := agent.NewHandler(a, agent.Options{})
	bare := func() error {
		cmd := exec.CommandContext(ctx, path)
		cmd.Env = []string{"PATH=" + run.SearchPath, "LC_ALL=C"}
		cmd.Stdin = strings.NewReader(document)
		_, err := cmd.Output()
		return err
	}
	return compare(name, rounds, bare, func() error { return call(ctx, h, a.Definition().Metadata.Agent, "run") })
}

// call has a node's handler run an action.
func call(ctx context.Context, h *agent.Handler, name, action string, inputs ...any) error {
	body := rpc.Request{Agent: name, Action: action, Caller: "uid=0", Data: value.NewMap(inputs...)}
	answer, err := h.Handle(ctx, &message.Request{
		ID: message.NewID(), Sender: "admin.example", Caller: "uid=0", Collective: "mcollective", Agent: name, Time: time.Now(), TTL: time.Minute, Body: body.Body(),
	})
	if err != nil {
		return err
	}
	reply, err := rpc.ParseReply(answer)
	if err != nil {
		return err
	}
	if reply.Status != rpc.OK {
		return fmt.Errorf("status %d: %s", reply.Status, reply.Message)
	}
	return nil
}

// serve is the worker: it answers each line that has an id, at once.
func serve(in io.Reader, out io.Writer) {
	fmt.Fprintln(out, `{"type":"hello","protocol":1,"agent":"worker"}`)
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return
		}
		id := between(line, `"id":"`, `"`)
		if id == nil {
			continue
		}
		fmt.Fprintf(out, `{"type":"reply","id":"%s","statuscode":0,"statusmsg":"OK","data":{"n":1}}`+"\n", id)
	}
}

func between(line []byte, from, to string) []byte {
	_, rest, ok := bytes.Cut(line, []byte(from))
	if !ok {
		return nil
	}
	text, _, _ := bytes.Cut(rest, []byte(to))
	return text
}

func workers(ctx context.Context, dir string, rounds int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	descriptor := "agent: worker\nmode: worker\ncommand: " + self + "\nargs: [child-worker]\nactions:\n  run:\n    output:\n      n: {type: integer}\n"
	path := filepath.Join(dir, "worker.yaml")
	if err := os.WriteFile(path, []byte(descriptor), 0o644); err != nil {
		return err
	}
	a, err := agenthost.Open(path, agenthost.Options{Unchecked: true})
	if err != nil {
		return err
	}
	defer a.Close()
	h := agent.NewHandler(a, agent.Options{})
	p, err := startPipe(self)
	if err != nil {
		return err
	}
	defer p.stop()
	request := []byte(`{"type":"request",` + document[1:])
	return compare("worker", rounds, func() error { return p.ask(request) }, func() error { return call(ctx, h, "worker", "run") })
}

// A pipe is the worker's program without the agent around it.
type pipe struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startPipe(self string) (*pipe, error) {
	p := &pipe{cmd: exec.Command(self, "child-worker")}
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	_, err = p.out.ReadSlice('\n') // its hello
	return p, err
}

func (p *pipe) ask(request []byte) error {
	if _, err := p.in.Write(request); err != nil {
		return err
	}
	line, err := p.out.ReadSlice('\n')
	if err == nil && between(line, `"id":"`, `"`) == nil {
		err = errors.New("no reply")
	}
	return err
}

func (p *pipe) stop() {
	p.in.Close()
	p.cmd.Wait()
}
