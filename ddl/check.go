//lint:file-ignore ST1005 these are Ruby's texts, which callers see

package ddl

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"mcollective/value"
)

// maxTimeout bounds every timeout; beyond it is nothing that anybody waits for.
const maxTimeout = 1e9 * time.Second

// check finds what no definition may be, whatever it comes from: names that are
// no names, texts that would not stay on one place of a terminal, and more of
// anything than there is reason for.
func (d *Definition) check() error {
	if !slices.Contains(kinds, d.Kind) {
		return fmt.Errorf("there is no kind %q of plugin", d.Kind)
	}
	if err := CheckName(d.Metadata.Agent); err != nil {
		return err
	}
	m := d.Metadata
	if err := checkTexts(m.Name, m.Description, m.Author, m.License, m.Version, m.URL, d.Usage); err != nil {
		return err
	}
	if m.Timeout < 0 || m.Timeout > maxTimeout {
		return fmt.Errorf("a timeout of %v is not between 0 and %v", m.Timeout, maxTimeout)
	}
	for _, r := range d.Requires {
		if !slices.Contains(programs, r.Name) {
			return fmt.Errorf("unknown requirement %.60q; there are %s", r.Name, strings.Join(programs, ", "))
		}
		if err := checkTexts(r.Version); err != nil {
			return err
		}
	}
	for i, c := range d.Capabilities {
		if !slices.Contains(capabilities, c) {
			return fmt.Errorf("%.60q is no capability; there are %s", c, strings.Join(capabilities, ", "))
		}
		if slices.Contains(d.Capabilities[:i], c) {
			return fmt.Errorf("the capability %s comes twice", c)
		}
	}
	if len(d.Actions) > maxActions {
		return fmt.Errorf("there are %d actions, more than %d", len(d.Actions), maxActions)
	}
	actions := d.Actions
	if d.Query != nil {
		actions = append(slices.Clip(actions), d.Query)
		if len(d.Query.Inputs) > 1 || len(d.Query.Inputs) == 1 && d.Query.Inputs[0].Name != "query" {
			return errors.New(`the only input of a data plugin is "query"`)
		}
	}
	seen := map[string]bool{}
	for _, a := range actions {
		if seen[a.Name] {
			return fmt.Errorf("the action %q comes twice", a.Name)
		}
		seen[a.Name] = true
		if err := a.check(); err != nil {
			return fmt.Errorf("action %.60q: %w", a.Name, err)
		}
	}
	return nil
}

// programs are those of which a plugin may require a version.
var programs = []string{"mcollective", "choria"}

var capabilities = []string{"classes", "facts", "identity", "agents", "compound"}

// CheckName tells why a text cannot be the name of a plugin, which is also the
// name of its file.
func CheckName(name string) error {
	if name == "" {
		return errors.New("a plugin needs a name")
	}
	if len(name) > maxName {
		return fmt.Errorf("a name of %d bytes is longer than %d", len(name), maxName)
	}
	for i := range len(name) {
		c := name[i]
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
		if !alnum && (i == 0 || c != '-' && c != '.') {
			return fmt.Errorf("%q cannot be the name of a plugin: letters, digits and _ can, and after the first of them - and .", name)
		}
	}
	return nil
}

func checkMember(name string) error {
	if name == "" || len(name) > maxName || strings.ContainsAny(name, "\n\r\t") {
		return fmt.Errorf("%.60q is no name: it has 1 to %d bytes on one line", name, maxName)
	}
	return checkTexts(name)
}

func checkTexts(texts ...string) error {
	for _, s := range texts {
		if len(s) > maxText {
			return fmt.Errorf("a text of %d bytes is longer than %d", len(s), maxText)
		}
		if !utf8.ValidString(s) {
			return fmt.Errorf("the text %.60q is not UTF-8", s)
		}
		if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' }) {
			return fmt.Errorf("the text %.60q holds a control character", s)
		}
	}
	return nil
}

func (a *Action) check() error {
	if len(a.Inputs) > maxMembers || len(a.Outputs) > maxMembers || len(a.Summaries) > maxMembers {
		return fmt.Errorf("there are more than %d inputs, outputs or summaries", maxMembers)
	}
	if err := checkMember(a.Name); err != nil {
		return err
	}
	if err := checkTexts(a.Description); err != nil {
		return err
	}
	if a.Timeout < 0 || a.Timeout > maxTimeout {
		return fmt.Errorf("a timeout of %v is not between 0 and %v", a.Timeout, maxTimeout)
	}
	seen := map[string]bool{}
	for _, in := range a.Inputs {
		if seen[in.Name] {
			return fmt.Errorf("the input %q comes twice", in.Name)
		}
		seen[in.Name] = true
		if err := in.check(); err != nil {
			return fmt.Errorf("input %.60q: %w", in.Name, err)
		}
	}
	clear(seen)
	for _, o := range a.Outputs {
		if seen[o.Name] {
			return fmt.Errorf("the output %q comes twice", o.Name)
		}
		seen[o.Name] = true
		if err := errors.Join(checkMember(o.Name), checkTexts(o.Description, o.DisplayAs), checkValue(o.Default, false, 0)); err != nil {
			return fmt.Errorf("output %.60q: %w", o.Name, err)
		}
	}
	for _, s := range a.Summaries {
		err := errors.Join(checkTexts(s.Function, s.Output, s.Format))
		for k, v := range s.Options {
			err = errors.Join(err, checkMember(k), checkValue(v, true, 0))
		}
		if err != nil {
			return fmt.Errorf("summary %.60q: %w", s.Function, err)
		}
	}
	return nil
}

func (in *Input) check() error {
	if len(in.List) > maxListed || len(in.Validation.List) > maxListed {
		return fmt.Errorf("a list is longer than %d", maxListed)
	}
	if in.MaxLength < 0 {
		return errors.New("its longest length is negative")
	}
	v := in.Validation
	err := errors.Join(checkMember(in.Name), checkTexts(in.Prompt, in.Description, string(in.Type), v.Regexp, v.Validator, v.Class), checkValue(in.Default, false, 0))
	for _, list := range [][]any{in.List, v.List} {
		err = errors.Join(err, checkValue(list, true, 0))
	}
	return err
}

// checkValue looks at a value from inside a definition. Texts that errors or
// help show as they are must be shown, those of others need only be UTF-8.
func checkValue(v any, shown bool, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("a value is nested deeper than %d", maxDepth)
	}
	switch v := v.(type) {
	case string:
		return checkValueText(v, shown)
	case value.Symbol:
		return checkValueText(string(v), shown)
	case []any:
		for _, e := range v {
			if err := checkValue(e, shown, depth+1); err != nil {
				return err
			}
		}
	case *value.Map:
		for k, e := range v.All() {
			if err := errors.Join(checkValue(k, shown, depth+1), checkValue(e, shown, depth+1)); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkValueText(s string, shown bool) error {
	if shown {
		return checkTexts(s)
	}
	if !utf8.ValidString(s) {
		return fmt.Errorf("the value %.60q is not UTF-8", s)
	}
	return nil
}
