package authorization

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"mcollective/filter"
	"mcollective/internal/plaintext"
)

// What a file may hold at most. A policy is read before a request may run, so
// that its size is a cost of each call.
const (
	maxFile  = 1 << 20
	maxRules = 10000
)

// A policy is one file, compiled.
type policy struct {
	file  string
	rules []rule
	// fallback decides what no rule does.
	fallback     bool
	fallbackLine int // 0: no line of the file says it
}

// A rule is one line with allow or deny.
type rule struct {
	line    int
	text    string
	allow   bool
	callers []string // nil: everybody
	actions []string // nil: all
	when    []condition
}

// A condition is one column about the node: a list whose entries must all hold,
// or an expression.
type condition struct {
	facts    []fact
	classes  []filter.Pattern
	compound filter.Compound
}

// A fact compares a fact with a text, as texts.
type fact struct{ name, operator, value string }

// A lineError is what is wrong with a line of a file.
type lineError struct {
	file string
	line int
	err  error
}

func (e *lineError) Error() string { return fmt.Sprintf("%s:%d: %v", e.file, e.line, e.err) }
func (e *lineError) Unwrap() error { return e.err }

// lines calls each with the lines of a text that say something. What it returns is
// gathered, each error with its line.
func lines(file, text string, each func(number int, line string) error) error {
	var errs []error
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, " \t\r\n")
		if trimmed := strings.TrimLeft(line, " \t"); trimmed == "" || trimmed[0] == '#' {
			continue
		}
		if err := each(number, line); err != nil {
			errs = append(errs, &lineError{file, number, err})
		}
	}
	return errors.Join(errs...)
}

// parse reads a policy. Ruby's plugin passes over a line that it cannot read; here one
// such line makes the whole file an error, since it may have been a deny. The groups are
// those that a rule may name; fallback is what holds without a line "policy default".
func parse(file, text string, groups map[string][]string, fallback bool) (*policy, error) {
	p := &policy{file: file, fallback: fallback}
	err := lines(file, text, func(number int, line string) error {
		switch fields := strings.Fields(line); fields[0] {
		case "policy":
			return p.setDefault(number, fields)
		case "allow", "deny":
			if len(p.rules) >= maxRules {
				return fmt.Errorf("it has more than %d rules", maxRules)
			}
			r, err := parseRule(line, groups)
			r.line = number
			p.rules = append(p.rules, r)
			return err
		default:
			return fmt.Errorf("it begins with %q, not with allow, deny or policy default", clip(fields[0]))
		}
	})
	return p, err
}

func (p *policy) setDefault(number int, fields []string) error {
	if len(fields) != 3 || fields[1] != "default" || fields[2] != "allow" && fields[2] != "deny" {
		return errors.New(`it is neither "policy default allow" nor "policy default deny"`)
	}
	if p.fallbackLine != 0 {
		return fmt.Errorf("line %d says policy default already", p.fallbackLine)
	}
	p.fallback, p.fallbackLine = fields[2] == "allow", number
	return nil
}

var tabs = regexp.MustCompile(`\t+`)

func parseRule(line string, groups map[string][]string) (rule, error) {
	if line[0] == ' ' || line[0] == '\t' {
		return rule{}, errors.New("blanks stand before it, and Ruby's plugin passes over such a line; begin it in the first column")
	}
	columns := tabs.Split(line, -1)
	for i := range columns {
		columns[i] = strings.TrimSpace(columns[i])
	}
	if n := len(columns); n < 4 || n > 5 || slices.Contains(columns, "") {
		return rule{}, fmt.Errorf("it has %d columns and not 4 or 5: allow or deny, callers, actions, facts, classes, with tabs between them (blanks do not separate columns)", n)
	}
	r := rule{text: line, allow: columns[0] == "allow"}
	var errs [4]error
	r.callers, errs[0] = parseCallers(columns[1], groups)
	r.actions, errs[1] = parseActions(columns[2])
	if len(columns) == 4 {
		errs[2] = r.either(columns[3])
	} else {
		errs[2], errs[3] = r.facts(columns[3]), r.classes(columns[4])
	}
	return r, errors.Join(errs[:]...)
}

var groupName = regexp.MustCompile(`^[A-Za-z0-9_.\-]+$`)

// parseCallers returns the caller ids of a column, those of its groups too.
func parseCallers(column string, groups map[string][]string) ([]string, error) {
	if column == "*" {
		return nil, nil
	}
	callers := []string{}
	for _, word := range strings.Fields(column) {
		members, isGroup := groups[word]
		switch {
		case isGroup:
			callers = append(callers, members...)
		case strings.Contains(word, "="):
			callers = append(callers, word)
		case word == "*":
			return nil, errors.New("* stands for everybody and cannot be one of several callers")
		default:
			return nil, fmt.Errorf("caller %q is neither a caller id like uid=0 nor a group of the file groups", clip(word))
		}
	}
	return callers, nil
}

func parseActions(column string) ([]string, error) {
	if column == "*" {
		return nil, nil
	}
	actions := strings.Fields(column)
	if slices.Contains(actions, "*") {
		return nil, errors.New("* stands for all actions and cannot be one of several")
	}
	return actions, nil
}

// either is the last column of a rule without classes: an expression of facts and classes.
func (r *rule) either(column string) error {
	if column == "*" {
		// Documented as always true, Ruby's plugin finds it never is. What is
		// stricter holds.
		if r.allow {
			return errors.New("with four columns and * as the last Ruby's plugin never allows anything, though its manual says always; add a fifth column, *, to allow, or remove the line")
		}
		return nil
	}
	return r.compound(column)
}

func (r *rule) facts(column string) error {
	if column == "*" {
		return nil
	}
	if isCompound(column) {
		return r.compound(column)
	}
	var c condition
	for _, word := range strings.Fields(column) {
		f, ok, err := parseFact(word)
		if err == nil && !ok {
			err = fmt.Errorf("%q compares no fact, as the column of facts must", clip(word))
		}
		if err != nil {
			return err
		}
		c.facts = append(c.facts, f)
	}
	r.when = append(r.when, c)
	return nil
}

func (r *rule) classes(column string) error {
	if column == "*" {
		return nil
	}
	if isCompound(column) {
		return r.compound(column)
	}
	var c condition
	for _, word := range strings.Fields(column) {
		if strings.ContainsAny(word, "<>=") {
			return fmt.Errorf("%q compares a fact, in the column of classes", clip(word))
		}
		p, err := filter.ParsePattern(word)
		if err != nil {
			return err
		}
		c.classes = append(c.classes, p)
	}
	r.when = append(r.when, c)
	return nil
}

var compoundWord = regexp.MustCompile(`^!|^not$|^or$|^and$|\(.+\)`)

// isCompound reports whether a column is an expression and not a list, by the words
// that Ruby's plugin looks for.
func isCompound(column string) bool {
	return slices.ContainsFunc(strings.Fields(column), compoundWord.MatchString) || strings.HasPrefix(column, "(")
}

func (r *rule) compound(column string) error {
	c, err := filter.ParseCompound(column)
	if err != nil {
		return err
	}
	for i := range c {
		if c[i].Kind != filter.Statement {
			continue
		}
		_, isFact, err := parseFact(c[i].Text)
		if err == nil && !isFact {
			_, err = filter.ParsePattern(c[i].Text)
		}
		if err != nil {
			return err
		}
	}
	r.when = append(r.when, condition{compound: c})
	return nil
}

var comparison = regexp.MustCompile(`^([^<>=!~]+)(<=|>=|==|=|<|>)([^<>=~].*)$`)

// parseFact returns the comparison that a word is, if it is one.
func parseFact(word string) (f fact, ok bool, err error) {
	if !strings.ContainsAny(word, "<>=") {
		return f, false, nil
	}
	m := comparison.FindStringSubmatch(word)
	if m == nil {
		return f, true, fmt.Errorf("%q is no comparison of a fact by one of = < > <= >=; for others write an expression like \"not a=b\"", clip(word))
	}
	f = fact{strings.TrimSpace(m[1]), m[2], strings.TrimSpace(m[3])}
	if strings.HasPrefix(f.value, "/") && strings.HasSuffix(f.value, "/") {
		return f, true, fmt.Errorf("%q compares a fact with a regular expression, which a policy cannot", clip(word))
	}
	return f, true, nil
}

// parseGroups reads the file of groups: a name and its callers on each line.
func parseGroups(file, text string) (map[string][]string, error) {
	groups := map[string][]string{}
	err := lines(file, text, func(_ int, line string) error {
		words := strings.Fields(line)
		name, members := words[0], words[1:]
		if !groupName.MatchString(name) {
			return fmt.Errorf("group %q: a name has letters, digits, _ . and - only", clip(name))
		}
		if _, twice := groups[name]; twice {
			return fmt.Errorf("group %s is there already", clip(name))
		}
		for _, m := range members {
			if !strings.Contains(m, "=") {
				return fmt.Errorf("group %s: %q is no caller id like uid=0, and a group cannot be in a group", clip(name), clip(m))
			}
		}
		groups[name] = members
		return nil
	})
	return groups, err
}

func clip(s string) string { return plaintext.Clip(s, 128) }
