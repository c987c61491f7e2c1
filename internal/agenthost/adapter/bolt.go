package adapter

import (
	"cmp"
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"mcollective/agent/stdio"
	"mcollective/ddl"
	"mcollective/rpc"
	"mcollective/value"
)

// boltAction is the action of a task.
const boltAction = "run"

// boltTime is how long a task may take, if nothing else is said: Bolt has no limit,
// and tasks install software.
const boltTime = 10 * time.Minute

// boltOutput is where a task's text goes.
const boltOutput = "_output"

// Call implements Adapter: the parameters are on standard input and in variables,
// and one object, or text, comes back.
func (t *Task) Call(ctx context.Context, h Host, req *stdio.Request, _ *ddl.Action, reply *rpc.Reply) error {
	params := req.Data
	delete(params, "noop")
	for name, p := range t.Parameters {
		if _, given := params[name]; !given && p.Default != nil {
			params[name] = p.Default // which Bolt gives to tasks, too
		}
	}
	if req.Noop {
		if !t.Noop {
			return rpc.Errorf(rpc.Aborted, "task %s does not know noop, and was not run", h.Agent())
		}
		params["_noop"] = true
	}
	params["_task"] = h.Agent()
	params["_installdir"] = filepath.Dir(h.Path())
	var c Command
	if t.InputMethod != "environment" {
		var err error
		if c.Stdin, err = stdio.ToJSON(params); err != nil {
			return err
		}
	}
	if t.InputMethod != "stdin" {
		for name, v := range params {
			if s, ok := ptText(v); ok && stdio.IsWord(name) {
				c.Env = append(c.Env, "PT_"+name+"="+s)
			}
		}
	}
	res, err := h.Run(ctx, c)
	if err != nil {
		return err
	}
	failed, err := readBolt(reply, res.Stdout)
	switch {
	case err != nil && res.Exit == 0:
		return err
	case res.Signal != "":
		return ending(h.Agent(), res.Result)
	case failed != "" && (res.Exit != 0 || err == nil):
		return rpc.Errorf(rpc.Aborted, "%s", failed)
	case res.Exit != 0:
		text := cmp.Or(stdio.StderrText(res.Stderr), "no reason given")
		return rpc.Errorf(rpc.Aborted, "the task failed with exit status %d: %s", res.Exit, text)
	}
	return nil
}

// ptText returns a parameter as a variable: text as it is, all else as JSON.
func ptText(v any) (string, bool) {
	s, ok := v.(string)
	if !ok {
		b, err := json.Marshal(v)
		if err != nil {
			return "", false
		}
		s = string(b)
	}
	return s, len(s) <= stdio.LongestArgument && !strings.Contains(s, "\x00")
}

// readBolt fills a reply from what a task printed. failed is the message of its
// "_error", if it has one.
func readBolt(reply *rpc.Reply, stdout []byte) (failed string, err error) {
	answer, err := stdio.ReadObject("stdout", stdio.JSON, stdout)
	if err != nil {
		text, err := stdio.ReadText(stdout)
		if err != nil {
			return "", rpc.Errorf(rpc.UnknownError, "the task did not answer: %v", err)
		}
		v, _ := text.Get(stdio.TextOutput)
		reply.Set(boltOutput, v)
		return "", nil
	}
	for k, v := range answer.All() {
		reply.Set(stdio.KeyText(k), v)
	}
	if v, ok := answer.Get("_error"); ok && v != nil {
		failed = "the task failed"
		if h, ok := v.(*value.Map); ok {
			if msg, ok := h.Get("msg"); ok {
				if s, ok := stdio.ScalarText(msg); ok && s != "" {
					failed = stdio.Clip(s, 4<<10)
				}
			}
		}
	}
	return failed, nil
}

// Definition makes a definition of the task's metadata.
func (t *Task) Definition(name string) (*ddl.Definition, error) {
	description := t.Description
	if description == "" {
		description = "The task " + name
	}
	in := map[string]any{}
	for param, p := range t.Parameters {
		m := puppetType(p.Type)
		if p.Description != "" {
			m["description"] = p.Description
		}
		if p.Default != nil {
			m["default"] = p.Default
			m["required"] = false
		}
		if p.Sensitive {
			m["sensitive"] = true
		}
		in[param] = m
	}
	if t.Noop {
		in["noop"] = map[string]any{"type": "boolean", "description": "Only say what would be done", "required": false}
	}
	return native(name, map[string]any{
		"description": description,
		"timeout":     boltTime.Seconds(),
		"actions": map[string]any{boltAction: map[string]any{
			"description": description, "display": "always", "noop": t.Noop, "input": in,
			"other_inputs": t.Parameters == nil, // then Bolt passes on whatever it is given
		}},
	})
}

// puppetType returns a type of Puppet's language as our input types can say it.
func puppetType(text string) map[string]any {
	text = strings.TrimSpace(text)
	name, inner, _ := strings.Cut(text, "[")
	inner = strings.TrimSuffix(inner, "]")
	m := map[string]any{"type": "any", "required": true}
	switch name {
	case "Optional":
		m = puppetType(inner)
		m["required"] = false
	case "Sensitive":
		m = puppetType(inner)
		m["sensitive"] = true
	case "String", "Pattern":
		m["type"] = "string"
		if _, longest, ok := strings.Cut(inner, ","); ok && name == "String" {
			if n, err := strconv.Atoi(strings.TrimSpace(longest)); err == nil && n > 0 {
				m["max_length"] = n
			}
		}
	case "Enum":
		var list []string
		for word := range strings.SplitSeq(inner, ",") {
			if word = strings.Trim(strings.TrimSpace(word), `'"`); word != "" && !slices.Contains(list, word) {
				list = append(list, word)
			}
		}
		if len(list) > 0 {
			m["type"], m["list"] = "list", list
		}
	case "Integer", "Float", "Boolean", "Array", "Hash":
		m["type"] = strings.ToLower(name)
	case "Numeric":
		m["type"] = "number"
	case "Tuple":
		m["type"] = "array"
	case "Struct":
		m["type"] = "hash"
	case "", "Any":
		m["required"] = false
	}
	return m
}
