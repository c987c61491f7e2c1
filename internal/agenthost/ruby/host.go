package ruby

import (
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"mcollective/ddl"
	"mcollective/value"
)

//go:embed host/*.rb
var sources embed.FS

// program is the Ruby program. Its parts are in the order of their names.
var program = sync.OnceValue(func() string {
	entries, err := sources.ReadDir("host")
	if err != nil {
		panic(err) // it is part of this program
	}
	var b strings.Builder
	for _, e := range entries {
		text, err := sources.ReadFile(path.Join("host", e.Name()))
		if err != nil {
			panic(err)
		}
		b.Write(text)
	}
	return b.String()
})

// bootstrap is Ruby's argument: it runs what is in the environment, and takes it
// out of there, so that no program that an agent starts has it. There is no file
// that somebody could tamper with or tidy away, and nothing for ps to show.
const bootstrap = `t=(0...ENV.delete("MCO_RUBY").to_i).map{|i|ENV.delete("MCO_RUBY_#{i}")}.join.force_encoding("UTF-8");` +
	`require "json";MCO_RUBY_SETUP=JSON.parse(t);eval(MCO_RUBY_SETUP.delete("program"),TOPLEVEL_BINDING,"mco-ruby",1)`

// chunk is how much a variable holds. The kernel takes no single one of 128 KiB.
const chunk = 100 << 10

const probing = "probe"

// setup is given to a process of Ruby.
type setup struct {
	Program     string                `json:"program"`
	Kind        string                `json:"kind"` // agent, data or probe
	Name        string                `json:"name"`
	LogLevel    string                `json:"loglevel"`
	LibDirs     []string              `json:"libdirs"`
	Config      map[string]any        `json:"config"`
	PluginConf  map[string]string     `json:"pluginconf"`
	Agents      []string              `json:"agents,omitempty"`  // that work; not known to a probe
	Definitions map[string]definition `json:"definitions"`       // by kind/name
	Plugins     [][2]string           `json:"plugins,omitempty"` // to probe: kind and name
	Timeout     float64               `json:"timeout,omitempty"` // seconds, to probe one
}

// command returns the arguments and the environment of Ruby.
func (l *Loader) command(kind, name string, plugins []*candidate) (args, env []string, err error) {
	s := setup{
		Program: program(), Kind: kind, Name: name, LogLevel: l.opts.LogLevel, LibDirs: l.dirs,
		Config: l.opts.Config, PluginConf: l.opts.PluginConf, Definitions: map[string]definition{}, Timeout: pluginTime.Seconds(),
	}
	for k, c := range l.found {
		s.Definitions[string(k.kind)+"/"+k.name] = c.told()
		if k.kind == ddl.Agent && c.asked && c.why == nil {
			s.Agents = append(s.Agents, k.name)
		}
	}
	slices.Sort(s.Agents)
	if kind == probing {
		s.Agents = nil
	}
	for _, c := range plugins {
		s.Plugins = append(s.Plugins, [2]string{string(c.kind), c.name})
	}
	text, err := json.Marshal(s)
	if err != nil {
		return nil, nil, fmt.Errorf("telling Ruby of the node: %w", err)
	}
	n := 0
	for ; len(text) > 0; n++ {
		part := text[:min(chunk, len(text))]
		text = text[len(part):]
		env = append(env, "MCO_RUBY_"+strconv.Itoa(n)+"="+string(part))
	}
	env = append(env, "MCO_RUBY="+strconv.Itoa(n))
	for _, dir := range l.opts.LoadPath {
		args = append(args, "-I", dir)
	}
	return append(args, "-EUTF-8", "-e", bootstrap), env, nil
}

// definition is a ddl.Definition as Ruby shows it to agents.
type definition struct {
	Meta     map[string]any               `json:"meta"`
	Actions  map[string]action            `json:"actions,omitempty"`
	Data     *action                      `json:"data,omitempty"`
	Unjudged map[string]map[string]string `json:"unjudged,omitempty"` // validators by action and input
}

type action struct {
	Description string                    `json:"description"`
	Display     ddl.Display               `json:"display"`
	Input       map[string]map[string]any `json:"input"`
	Output      map[string]map[string]any `json:"output"`
}

func (c *candidate) told() definition {
	m := c.definition.Metadata
	d := definition{
		Meta:     map[string]any{"name": m.Name, "description": m.Description, "author": m.Author, "license": m.License, "version": m.Version, "url": m.URL},
		Unjudged: c.unjudged,
	}
	if m.Timeout > 0 {
		d.Meta["timeout"] = number(m.Timeout.Seconds())
	}
	if c.definition.Query != nil {
		q := toldAction(c.definition.Query)
		d.Data = &q
	}
	if len(c.definition.Actions) > 0 {
		d.Actions = make(map[string]action, len(c.definition.Actions))
	}
	for _, a := range c.definition.Actions {
		d.Actions[a.Name] = toldAction(a)
	}
	return d
}

// number is whole if it is, as it was written.
func number(f float64) any {
	if f == float64(int64(f)) {
		return int64(f)
	}
	return f
}

func toldAction(a *ddl.Action) action {
	t := action{Description: a.Description, Display: a.Display, Input: map[string]map[string]any{}, Output: map[string]map[string]any{}}
	for _, in := range a.Inputs {
		m := map[string]any{"prompt": in.Prompt, "description": in.Description, "type": in.Type, "optional": in.Optional}
		if in.Default != nil {
			m["default"] = plain(in.Default)
		}
		if in.MaxLength > 0 {
			m["maxlength"] = in.MaxLength
		}
		if in.List != nil {
			m["list"] = plain(in.List)
		}
		switch v := in.Validation; {
		case v.Validator != "":
			m["validation"], m["validator"] = v.Validator, true
		case v.Regexp != "":
			m["validation"] = v.Regexp
		case v.List != nil:
			m["validation"] = plain(v.List)
		}
		t.Input[in.Name] = m
	}
	for _, o := range a.Outputs {
		t.Output[o.Name] = map[string]any{"description": o.Description, "display_as": o.DisplayAs, "default": plain(o.Default)}
	}
	return t
}

// plain returns a value of a definition as JSON holds it.
func plain(v any) any {
	return value.Plain(v, func(v any) any {
		if s, ok := v.(value.Symbol); ok {
			return string(s)
		}
		return v
	})
}
