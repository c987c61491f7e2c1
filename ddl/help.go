package ddl

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"mcollective/internal/plaintext"
)

// Help returns the text about the plugin for people, as Ruby's "mco plugin doc"
// prints it. Texts of several lines are folded to so many columns; 0 stands for
// 80. What Ruby has not is told in lines of its own.
func (d *Definition) Help(columns int) string {
	h := &help{}
	h.metadata(d, columns)
	switch {
	case d.Kind == Agent:
		h.agent(d)
	case d.Kind == Data && d.Query != nil:
		h.data(d.Query)
	case d.Kind == Discovery:
		h.discovery(d)
	}
	return h.b.String()
}

type help struct{ b strings.Builder }

func (h *help) line(format string, args ...any) {
	fmt.Fprintf(&h.b, format+"\n", args...)
}

// visible leaves out what moves a cursor, which only values may hold.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, s)
}

func (h *help) metadata(d *Definition, columns int) {
	m := d.Metadata
	h.line("%s\n%s\n\n%s\n", m.Name, strings.Repeat("=", utf8.RuneCountInString(m.Name)), m.Description)
	h.line("      Author: %s", m.Author)
	h.line("     Version: %s", m.Version)
	h.line("     License: %s", m.License)
	h.line("     Timeout: %s", seconds(m.Timeout))
	h.line("   Home Page: %s", m.URL)
	for _, r := range d.Requires {
		program := label(r.Name)
		if r.Name == "mcollective" {
			program = "MCollective"
		}
		h.line("\n   Requires %s %s or newer", program, r.Version)
	}
	if d.Usage != "" {
		if columns <= 0 {
			columns = 80
		}
		h.line("\n%s", align(d.Usage, columns, 3))
	}
}

// seconds returns a time as Ruby has it: whole seconds are a number without a unit.
func seconds(d time.Duration) string {
	if d%time.Second == 0 {
		return fmt.Sprint(int64(d / time.Second))
	}
	return plaintext.Float(d.Seconds())
}

func (h *help) agent(d *Definition) {
	actions := slices.Clone(d.Actions)
	slices.SortFunc(actions, func(a, b *Action) int { return strings.Compare(a.Name, b.Name) })
	names := make([]string, len(actions))
	for i, a := range actions {
		names[i] = a.Name
	}
	h.line("\nACTIONS:\n========\n   %s\n", strings.Join(names, ", "))
	for _, a := range actions {
		h.action(a)
	}
}

func (h *help) action(a *Action) {
	h.line("   %s action:\n   %s", a.Name, strings.Repeat("-", utf8.RuneCountInString(a.Name)+8))
	h.line("       %s\n", a.Description)
	if a.Destructive {
		h.line("       This action changes things.\n")
	}
	if a.Noop {
		h.line("       With noop=true it only tells what it would change.\n")
	}
	if a.Timeout != 0 {
		h.line("       Timeout: %s\n", seconds(a.Timeout))
	}
	h.line("       INPUT:")
	for _, in := range byName(a.Inputs, func(in *Input) string { return in.Name }) {
		h.line("           %s:", in.Name)
		h.input(in, true)
		h.line("")
	}
	if len(a.Inputs) == 0 {
		h.line("          This action does not have any inputs")
	}
	h.line("\n       OUTPUT:")
	for _, o := range byName(a.Outputs, func(o *Output) string { return o.Name }) {
		h.output(o, true)
	}
}

func byName[T any](all []T, name func(T) string) []T {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b T) int { return strings.Compare(name(a), name(b)) })
	return all
}

func (h *help) input(in *Input, optional bool) {
	h.line("              Description: %s", in.Description)
	h.line("                   Prompt: %s", in.Prompt)
	h.line("                     Type: %s", in.Type)
	if optional {
		h.line("                 Optional: %v", in.Optional)
	}
	switch in.Type {
	case String:
		h.line("               Validation: %s", visible(in.Validation.text()))
		h.line("                   Length: %d", in.MaxLength)
	case List:
		h.line("             Valid Values: %s", visible(rubyText(in.List)))
	}
	h.defaultValue(in.Default)
}

func (h *help) defaultValue(v any) {
	if v != nil && v != false {
		if list, ok := v.([]any); ok {
			h.line("            Default Value: %s", visible(inspect(list)))
			return
		}
		h.line("            Default Value: %s", visible(rubyText(v)))
	}
}

// text returns the validation as Ruby prints it.
func (v Validation) text() string {
	switch {
	case v.Validator != "":
		return v.Validator
	case v.Class != "":
		return v.Class
	case v.List != nil:
		return inspect(v.List)
	}
	return v.Regexp
}

func (h *help) output(o *Output, withDefault bool) {
	h.line("           %s:", o.Name)
	h.line("              Description: %s", o.Description)
	h.line("               Display As: %s", o.DisplayAs)
	if withDefault {
		h.defaultValue(o.Default)
	}
	h.line("")
}

func (h *help) data(q *Action) {
	h.line("\nQUERY FUNCTION INPUT:\n")
	if in := q.Input("query"); in != nil {
		h.input(in, false)
	} else {
		h.line("    This plugin does not take any input")
	}
	h.line("\nQUERY FUNCTION OUTPUT:\n")
	for _, o := range byName(q.Outputs, func(o *Output) string { return o.Name }) {
		h.output(o, false)
	}
}

func (h *help) discovery(d *Definition) {
	h.line("\nDISCOVERY METHOD CAPABILITIES:")
	for _, c := range [...][2]string{
		{"classes", "Filter based on configuration management classes"},
		{"facts", "Filter based on system facts"},
		{"identity", "Filter based on mcollective identity"},
		{"agents", "Filter based on mcollective agents"},
		{"compound", "Compound filters combining classes and facts"},
	} {
		if slices.Contains(d.Capabilities, c[0]) {
			h.line("      %s", c[1])
		}
	}
	h.line("")
}
