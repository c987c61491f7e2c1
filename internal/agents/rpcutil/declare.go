package rpcutil

import (
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	"mcollective/marshal"
	"mcollective/rpc"
)

// An action is one that the agent declares.
type action struct {
	name    string
	inputs  []input
	outputs []string // in the order in which a reply has them
	run     func(*Agent, *rpc.Request, *rpc.Reply) error
}

// An input is text, the only kind that this agent has.
type input struct {
	name     string
	optional bool
	max      int    // characters
	pattern  string // of Ruby's, one line of the text must match; shown in errors
}

const (
	factPattern  = `^[\w\-\.]+$`
	factsPattern = `^\s*[\w\.\-]+(\s*,\s*[\w\.\-]+)*$`
	wordPattern  = `^\w+$`
	anyPattern   = `^.+$`
)

// actions are what Ruby's agent declares.
var actions = [...]action{
	{name: "collective_info", outputs: []string{"main_collective", "collectives"}, run: (*Agent).collectiveInfo},
	{name: "inventory", outputs: []string{"agents", "facts", "classes", "version", "main_collective", "collectives", "data_plugins"}, run: (*Agent).inventory},
	{name: "get_fact", inputs: []input{{name: "fact", max: 40, pattern: factPattern}}, outputs: []string{"fact", "value"}, run: (*Agent).getFact},
	{name: "get_facts", inputs: []input{{name: "facts", max: 200, pattern: factsPattern}}, outputs: []string{"values"}, run: (*Agent).getFacts},
	{name: "daemon_stats", outputs: []string{"threads", "agents", "pid", "times", "validated", "unvalidated", "passed", "filtered",
		"starttime", "total", "replies", "configfile", "version", "ttlexpired"}, run: (*Agent).daemonStats},
	{name: "agent_inventory", outputs: []string{"agents"}, run: (*Agent).agentInventory},
	{name: "get_config_item", inputs: []input{{name: "item", max: 50, pattern: anyPattern}}, outputs: []string{"item", "value"}, run: (*Agent).getConfigItem},
	{name: "get_data", inputs: []input{{name: "source", max: 50, pattern: wordPattern}, {name: "query", optional: true, max: 200, pattern: anyPattern}}, run: (*Agent).getData},
	{name: "ping", outputs: []string{"pong"}, run: (*Agent).ping},
}

func find(name string) *action {
	for i := range actions {
		if actions[i].name == name {
			return &actions[i]
		}
	}
	return nil
}

// check refuses a request whose inputs are not as declared. Inputs that are not
// declared pass.
func (a *action) check(req *rpc.Request) error {
	for i := range a.inputs {
		in := &a.inputs[i]
		value, given := req.Input(in.name)
		if !given {
			if in.optional {
				continue
			}
			return rpc.Errorf(rpc.InvalidData, "Action %s needs a %s argument", a.name, in.name)
		}
		if err := in.check(value); err != nil {
			return err
		}
	}
	return nil
}

// check is in Ruby's order: type, length, pattern.
func (in *input) check(value any) error {
	invalid := func(format string, args ...any) error {
		return rpc.Errorf(rpc.InvalidData, "Cannot validate input "+in.name+": "+format, args...)
	}
	text, ok := rpc.Text(value)
	if !ok {
		return invalid("value should be a string")
	}
	_, utf8Text := value.(string)
	chars := len(text)
	if utf8Text {
		chars = utf8.RuneCountInString(text)
	}
	switch {
	case chars > in.max:
		return invalid("Input string is longer than %d character(s)", in.max)
	case utf8Text && !utf8.ValidString(text):
		return invalid("invalid byte sequence in UTF-8")
	case !compiled()[in.pattern].MatchString(text):
		return invalid("value should match %s", in.pattern)
	}
	return nil
}

// compiled are the patterns as Go has them: in Ruby ^ and $ are about lines, and
// \s is a vertical tab too.
var compiled = sync.OnceValue(func() map[string]*regexp.Regexp {
	all := map[string]*regexp.Regexp{}
	for _, a := range actions {
		for _, in := range a.inputs {
			all[in.pattern] = regexp.MustCompile("(?m)" + strings.ReplaceAll(in.pattern, `\s`, `[\s\v]`))
		}
	}
	return all
})

// plain is a fact as the body of a message holds it.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return hash(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = plain(v[i])
		}
		return list
	}
	return v
}

// hash is sorted, so that two nodes with the same facts say the same.
func hash(m map[string]any) *marshal.Hash {
	h := &marshal.Hash{Pairs: make([]marshal.Pair, 0, len(m))}
	for _, name := range sortedKeys(m) {
		h.Pairs = append(h.Pairs, marshal.Pair{Key: name, Value: plain(m[name])})
	}
	return h
}
