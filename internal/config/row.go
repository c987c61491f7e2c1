package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"mcollective/internal/suggest"
	"mcollective/value"
)

// A row is all that there is to say of one key. The key is read and checked by it,
// others may know its value by it (rpcutil get_config_item, agents in Ruby), and the
// page docs/configuration.md is made of it.
//
// A key that begins with "plugin." is one of a plugin. In its name N stands for a
// number, TYPE for a type of Puppet's resources, AGENT for any agent, and "*" at the
// end for whatever follows.
type row struct {
	name string

	// field is where the value is kept; nil for the keys of plugins, which are asked for
	// by name. The type that it points to says how a value is read: durations are
	// written in seconds, lists with commas.
	field func(*Config) any
	check func(string) error // on the text, before it is read; nil takes any
	lower bool               // Ruby does not tell cases apart
	class bool               // so it is with names of plugins, which Ruby keeps as those of classes
	whole bool               // a time in whole seconds only

	least, most int // of a number, or of a time in seconds

	place *place // what kind of file it names, if a node reads that later

	def       string // the default, as in a file
	clientDef string // that of a client, if it is another
	says      string // what the page says of a default that depends on others

	by       readers
	public   bool // whether anybody may know the value; never for plugins, which hold passwords
	optional bool // Ruby has nil until it is written
	symbol   bool // Ruby has a symbol

	// What becomes of the key. Without any of these it is honoured.
	feature  *feature // refused: a feature that there is not, which it switches on or is for
	ignored  string   // has no effect, for this reason
	obsolete bool     // has no effect since long, with a warning

	ours  bool   // not known to Ruby
	value string // what may be written, for the page; a boolean if empty
	doc   string // what it does, for the page
}

// readers are who reads a key.
type readers int

const (
	byBoth readers = iota
	byNode
	byClient
)

func (r readers) String() string { return [...]string{"both", "node", "client"}[r] }

// A section is a table of the page.
type section struct {
	id   string
	open bool // its plugins may have other settings as well
	rows []row
}

// The bounds of times, in seconds. They are far from what anybody means, and near
// enough for a value in milliseconds to stand out.
const (
	hour = 3600
	day  = 24 * hour
	year = 365 * day
)

type (
	paths    []string // one list of paths, a later line replaces it
	stack    []string // lists of paths, the last one written is searched first
	repeated []string // one element a line
)

// rows are all there are by name, and keys those of the main file in the order in
// which they are shown.
var rows, keys = index(mainSections, pluginSections)

func index(lists ...[]section) (byName map[string]*row, top []*row) {
	byName = map[string]*row{}
	for _, list := range lists {
		for i := range list {
			for j := range list[i].rows {
				r := &list[i].rows[j]
				byName[r.name] = r
				if r.field != nil {
					top = append(top, r)
				}
			}
		}
	}
	return byName, top
}

// findRow returns the row of a key, or nil.
func findRow(name string) *row {
	p, isPlugin := strings.CutPrefix(name, "plugin.")
	if !isPlugin {
		return rows[name]
	}
	if r := rows["plugin."+general(p)]; r != nil {
		return r
	}
	plugin, rest, _ := strings.Cut(p, ".")
	if plugin == "rabbitmq" {
		return findRow("plugin.activemq." + rest)
	}
	if r := rows["plugin.AGENT."+rest]; r != nil {
		return r
	}
	if r := rows["plugin."+plugin+".*"]; r != nil && rest != "" {
		return r
	}
	family, _, ok := strings.Cut(p, "_")
	if r := rows["plugin."+family+"_*"]; ok && r != nil {
		return r
	}
	return nil
}

// setDefault sets the field to its default.
func (r *row) setDefault(c *Config) {
	text := r.def
	if c.Role == Client && r.clientDef != "" {
		text = r.clientDef
	}
	if text == "" {
		return
	}
	if err := r.set(c, text); err != nil {
		panic("config: the default of " + r.name + ": " + err.Error()) // TestDefaults reads all
	}
}

// set reads text into the key's field.
func (r *row) set(c *Config, text string) (err error) {
	if r.lower || r.class {
		text = strings.ToLower(text)
	}
	if err := r.verify(text); err != nil {
		return err
	}
	switch p := r.field(c).(type) {
	case *string:
		*p = text
	case *bool:
		*p, err = parseBool(text)
	case *int:
		*p, err = r.count(text)
	case *int64:
		var n int
		n, err = r.count(text)
		*p = int64(n)
	case *time.Duration:
		if r.whole {
			n, err := r.count(text)
			if err != nil {
				return fmt.Errorf("%w (whole seconds)", err)
			}
			text = strconv.Itoa(n)
		}
		if *p, err = parseSeconds(text); err == nil {
			err = within(p.Seconds(), r.least, r.most)
		}
	case *[]string:
		*p = splitList(text)
	case *paths:
		*p = filepath.SplitList(text)
	case *stack:
		for _, dir := range filepath.SplitList(text) {
			*p = slices.DeleteFunc(*p, func(d string) bool { return d == dir })
			*p = slices.Insert(*p, 0, dir)
		}
	case *repeated:
		*p = append(*p, text)
	}
	return err
}

// verify refuses text that the key cannot have.
func (r *row) verify(text string) error {
	if err := r.noComment(text); err != nil || r.check == nil {
		return err
	}
	return r.check(text)
}

// noComment refuses what looks like a comment behind a value. It would be a part of
// the value, and the last path or name of a list that limits something would be
// another than it seems. Passwords and other free text may hold it.
func (r *row) noComment(text string) error {
	behind := strings.HasPrefix(text, "#")
	for _, blank := range space {
		behind = behind || strings.Contains(text, string(blank)+"#")
	}
	if !behind {
		return nil
	}
	for _, free := range [...]string{"secret", "text", "any"} {
		if strings.HasPrefix(r.value, free) {
			return nil
		}
	}
	return errors.New("a comment needs a line of its own, with # in the first column")
}

// count reads a whole number within the bounds of the key.
func (r *row) count(text string) (int, error) {
	n, err := parseCount(text)
	if err == nil {
		err = within(float64(n), r.least, r.most)
	}
	return n, err
}

// within refuses what is out of bounds.
func within(n float64, least, most int) error {
	if n < float64(least) || n > float64(most) {
		return fmt.Errorf("must be from %d to %d", least, most)
	}
	return nil
}

// show returns the field's value as a file would say it.
func (r *row) show(c *Config) string {
	switch p := r.field(c).(type) {
	case *string:
		return *p
	case *bool:
		return strconv.FormatBool(*p)
	case *int:
		return strconv.Itoa(*p)
	case *int64:
		return strconv.FormatInt(*p, 10)
	case *time.Duration:
		return strconv.FormatFloat(p.Seconds(), 'f', -1, 64)
	case *[]string:
		return strings.Join(*p, ",")
	case *paths:
		return strings.Join(*p, string(filepath.ListSeparator))
	case *stack:
		dirs := slices.Clone(*p)
		slices.Reverse(dirs)
		return strings.Join(dirs, string(filepath.ListSeparator))
	case *repeated:
		return strings.Join(*p, " ")
	}
	return ""
}

// given returns the value of a public key as Ruby's daemon has it, in the types of package
// value.
func (r *row) given(c *Config) any {
	written := c.origins[r.name] != (Origin{})
	if r.optional && !written {
		return nil
	}
	switch p := r.field(c).(type) {
	case *string:
		switch {
		case r.symbol:
			return value.Symbol(*p)
		case r.class && *p != "":
			return strings.ToUpper((*p)[:1]) + strings.ToLower((*p)[1:])
		}
		return *p
	case *bool:
		return *p
	case *int:
		return int64(*p)
	case *int64:
		return *p
	case *time.Duration:
		if !r.whole && written {
			return p.Seconds() // which is an integer in Ruby until it is set
		}
		return int64(*p / time.Second)
	case *[]string:
		return anys(*p)
	case *paths:
		return anys(*p)
	case *stack:
		return anys(*p)
	case *repeated:
		return anys(*p)
	}
	return nil
}

func anys(words []string) []any {
	all := make([]any, len(words))
	for i, w := range words {
		all[i] = w
	}
	return all
}

// parseCount reads a whole number, zero or more: no key counts below zero.
func parseCount(s string) (int, error) {
	n, err := parseInt(s)
	if err == nil && n < 0 {
		return 0, errors.New("cannot be negative")
	}
	return n, err
}

// splitList splits at commas. As in Ruby, empty elements at the end do not count.
func splitList(s string) []string {
	list := strings.Split(s, ",")
	for i := range list {
		list[i] = strings.Trim(list[i], space)
	}
	for len(list) > 0 && list[len(list)-1] == "" {
		list = list[:len(list)-1]
	}
	return list
}

func checkIdentity(s string) error {
	if !allBytes(s, isName) {
		return errors.New("an identity has only letters, digits and the signs . _ -")
	}
	return nil
}

func checkCollective(s string) error {
	if !allBytes(s, isName) {
		return fmt.Errorf("the name of a collective has only letters, digits and the signs . _ -, not %q", s)
	}
	return nil
}

func checkCollectives(s string) error {
	list := splitList(s)
	if len(list) == 0 {
		return errors.New("names no collective")
	}
	for _, name := range list {
		if err := checkCollective(name); err != nil {
			return err
		}
	}
	return nil
}

func checkPaths(s string) error {
	for _, dir := range filepath.SplitList(s) {
		if !filepath.IsAbs(dir) {
			return relative(dir)
		}
	}
	return nil
}

func oneOf(words ...string) func(string) error {
	return func(s string) error {
		if slices.Contains(words, s) {
			return nil
		}
		return fmt.Errorf("must be one of %s%s", strings.Join(words, ", "), suggest.Hint(s, words))
	}
}

// suggestion is "; did you mean ...?" with the top-level key nearest to name.
func suggestion(name string) string {
	names := make([]string, 0, len(keys))
	for _, r := range keys {
		names = append(names, r.name)
	}
	return suggest.Hint(name, names)
}

func relative(dir string) error {
	return fmt.Errorf("the path %q is relative; write an absolute one", dir)
}
