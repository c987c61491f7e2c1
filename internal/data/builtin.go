package data

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"mcollective/ddl"
	"mcollective/rpc"
)

// Files are the definitions of the plugins here, as NAME.yaml.
//
//go:embed *.yaml
var Files embed.FS

// names are those of the plugins here.
var names = [...]string{"agent", "collective", "fact"}

// definitions of the plugins here, in that order; each is read when it is needed.
var definitions = [len(names)]func() *ddl.Definition{read(0), read(1), read(2)}

func read(i int) func() *ddl.Definition {
	return sync.OnceValue(func() *ddl.Definition {
		file := names[i] + ".yaml"
		text, err := Files.ReadFile(file)
		if err != nil {
			panic(err) // it is part of the program
		}
		d, err := ddl.Parse(file, text)
		if err != nil {
			panic(err)
		}
		return d
	})
}

// BuiltInNames returns the names of the plugins here.
func BuiltInNames() []string { return names[:] }

// BuiltInDefinition returns the definition of a plugin here, or nil.
func BuiltInDefinition(name string) *ddl.Definition {
	if i := slices.Index(names[:], name); i >= 0 {
		return definitions[i]()
	}
	return nil
}

// A Node is the machine and the daemon that the plugins here tell of. Its methods
// answer at once and may be called by many goroutines; nobody changes what they
// return.
type Node interface {
	// Facts are all facts: text, []any and map[string]any of the same.
	Facts() map[string]any
	// Agents are the agents of the node.
	Agents() []rpc.Metadata
}

// BuiltIn returns the plugins here: agent, collective and fact.
func BuiltIn(n Node, collectives []string) []Plugin {
	return []Plugin{agents{n}, members(collectives), factPath{n}}
}

// agents returns the metadata of an agent.
type agents struct{ node Node }

func (agents) Definition() *ddl.Definition { return BuiltInDefinition("agent") }

func (p agents) Query(_ context.Context, name string) (map[string]any, error) {
	for _, m := range p.node.Agents() {
		if m.Agent == name {
			return map[string]any{
				"agent": name, "license": cmp.Or(m.License, "unknown"), "timeout": int64(m.Timeout.Seconds()),
				"description": cmp.Or(m.Description, "unknown"), "url": cmp.Or(m.URL, "unknown"),
				"version": cmp.Or(m.Version, "unknown"), "author": cmp.Or(m.Author, "unknown"),
			}, nil
		}
	}
	return nil, rpc.Errorf(rpc.UnknownError, "No agent called %s found", name)
}

// members reports whether the node is a member of a collective.
type members []string

func (members) Definition() *ddl.Definition { return BuiltInDefinition("collective") }

func (p members) Query(_ context.Context, name string) (map[string]any, error) {
	return map[string]any{"member": slices.Contains(p, name)}, nil
}

// factPath finds a fact inside of others: "networking.interfaces.eth0", "disks.0".
type factPath struct{ node Node }

func (factPath) Definition() *ddl.Definition { return BuiltInDefinition("fact") }

func (p factPath) Query(_ context.Context, path string) (map[string]any, error) {
	value, ok, err := walk(p.node.Facts(), path)
	if err != nil {
		return nil, err
	}
	if !ok {
		return map[string]any{"exists": false, "value": false, "value_encoding": false}, nil
	}
	switch value.(type) {
	case map[string]any, []any:
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(value); err != nil {
			return nil, err
		}
		return map[string]any{"exists": true, "value": strings.TrimSuffix(b.String(), "\n"), "value_encoding": "application/json"}, nil
	}
	return map[string]any{"exists": true, "value": value, "value_encoding": "text/plain"}, nil
}

// walk follows a dotted path through maps by key and lists by index. As in Ruby,
// dots at the end do not count, and a path of nothing else is everything.
func walk(facts map[string]any, path string) (any, bool, error) {
	var at any = facts
	for level := range strings.SplitSeq(strings.TrimRight(path, "."), ".") {
		switch v := at.(type) {
		case map[string]any:
			next, ok := v[level]
			switch {
			case level == "" && strings.Trim(path, ".") == "":
				return v, true, nil
			case !ok:
				return nil, false, nil
			}
			at = next
		case []any:
			i, err := strconv.ParseInt(strings.TrimSpace(level), 0, 32)
			if errors.Is(err, strconv.ErrSyntax) {
				return nil, false, fmt.Errorf("invalid value for Integer(): %q", level)
			}
			if i < 0 {
				i += int64(len(v)) // from the end
			}
			if err != nil || i < 0 || i >= int64(len(v)) {
				return nil, false, nil
			}
			at = v[i]
		default:
			return nil, false, nil
		}
	}
	return at, true, nil
}
