package stdio

import (
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"mcollective/agent"
	"mcollective/ddl"
	"mcollective/internal/run"
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

// callBolt runs a task: its parameters on standard input and in variables, and
// one object, or text, back.
func (a *Agent) callBolt(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	t := a.task
	params := inputs(req)
	delete(params, "noop")
	for name, p := range t.Parameters {
		if _, given := params[name]; !given && p.Default != nil {
			params[name] = p.Default // which Bolt gives to tasks, too
		}
	}
	if isNoop(req) {
		if !t.Noop {
			return rpc.Errorf(rpc.Aborted, "task %s does not know noop, and was not run", a.name)
		}
		params["_noop"] = true
	}
	params["_task"] = a.name
	params["_installdir"] = filepath.Dir(a.program)
	c := run.Command{Env: append([]string(nil), a.settings.env...)}
	if t.InputMethod != "environment" {
		var err error
		if c.Stdin, err = toJSON(params); err != nil {
			return err
		}
	}
	if t.InputMethod != "stdin" {
		for name, v := range params {
			if s, ok := ptText(v); ok && isWord(name) {
				c.Env = append(c.Env, "PT_"+name+"="+s)
			}
		}
	}
	res, err := a.runIn(ctx, c, slog.LevelInfo)
	if err != nil {
		return err
	}
	failed, err := readBolt(reply, res.Stdout)
	switch {
	case err != nil && res.Exit == 0:
		return err
	case res.Signal != "":
		return a.ending(res)
	case failed != "" && (res.Exit != 0 || err == nil):
		return rpc.Errorf(rpc.Aborted, "%s", failed)
	case res.Exit != 0:
		text := complaint(res.Stderr)
		if text == "" {
			text = "no reason given"
		}
		return rpc.Errorf(rpc.Aborted, "the task failed with exit status %d: %s", res.Exit, text)
	}
	return nil
}

// ptText is a parameter as a variable: text as it is, all else as JSON.
func ptText(v any) (string, bool) {
	s, ok := v.(string)
	if !ok {
		b, err := json.Marshal(v)
		if err != nil {
			return "", false
		}
		s = string(b)
	}
	return s, len(s) <= longestArg && !strings.Contains(s, "\x00")
}

// readBolt fills a reply from what a task printed. failed is the message of its
// "_error", if it has one.
func readBolt(reply *rpc.Reply, stdout []byte) (failed string, err error) {
	answer, err := readObject(jsonForm, stdout)
	if err != nil {
		text, err := readText(stdout)
		if err != nil {
			return "", rpc.Errorf(rpc.UnknownError, "the task did not answer: %v", err)
		}
		v, _ := text.Get(textOutput)
		reply.Set(boltOutput, v)
		return "", nil
	}
	for k, v := range answer.All() {
		reply.Set(keyText(k), v)
	}
	if v, ok := answer.Get("_error"); ok && v != nil {
		failed = "the task failed"
		if h, ok := v.(*value.Map); ok {
			if msg, ok := h.Get("msg"); ok {
				if s, ok := scalarText(msg); ok && s != "" {
					failed = clip(s, mostMessage)
				}
			}
		}
	}
	return failed, nil
}

// boltDefinition is what the metadata of a task say, as a definition.
func boltDefinition(name string, t *task) (*ddl.Definition, error) {
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
		}},
	})
}

// puppetType is a type of Puppet's language as our input types can say it.
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
