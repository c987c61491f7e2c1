package stdio

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"mcollective/filter"
	"mcollective/internal/suggest"
)

// A Mode is how often a program is started.
type Mode string

// The modes.
const (
	OneShot Mode = "oneshot" // once for each call; the default
	Worker  Mode = "worker"  // once for many calls
)

// A Protocol is how a program is spoken to.
type Protocol string

// The protocols.
const (
	MCO         Protocol = "mco"         // ours, described in docs/agents.md; the default
	MCollective Protocol = "mcollective" // what Ruby agents call with implemented_by
	Choria      Protocol = "choria"      // external agents of Choria
	Bolt        Protocol = "bolt"        // tasks of Bolt and Puppet Enterprise
	Nagios      Protocol = "nagios"      // plugins of Nagios, Icinga and NRPE
)

// settings are the keys of a descriptor that say how the agent is run.
type settings struct {
	command  string
	args     []string
	mode     Mode
	protocol Protocol
	yaml     bool // is spoken instead of JSON
	output   outputForm
	user     string
	env      []string
	dir      string

	memory    int64
	processes int
	files     int
	most      int // bytes of output, and of a line

	concurrency int // calls at once; 0 is no limit
	idle        time.Duration
	start       time.Duration
	grace       time.Duration // between TERM and KILL
	hang        time.Duration // for a worker to answer a ping, or to end with its input
	maxRequests int
	background  bool

	commands   []string
	paths      []string
	facts      []filter.Fact
	activation string // action that tells whether the agent can work here
}

const (
	hangTime     = 2 * time.Second
	defaultGrace = 10 * time.Second
	boltGrace    = 30 * time.Second // the same of a task, which may be at work on packages
)

func defaults() settings {
	return settings{most: 1 << 20, idle: 10 * time.Minute, start: 5 * time.Second}
}

// applyDefaults fills in what depends on mode and protocol, once all descriptors are
// read, and says what does not go together.
func (s *settings) applyDefaults() error {
	s.mode, s.protocol = cmp.Or(s.mode, OneShot), cmp.Or(s.protocol, MCO)
	s.hang = cmp.Or(s.grace, hangTime)
	if s.protocol == Bolt {
		s.grace = cmp.Or(s.grace, boltGrace)
	}
	s.grace = cmp.Or(s.grace, defaultGrace)
	if s.mode == Worker {
		s.concurrency = cmp.Or(s.concurrency, 1)
	}
	if s.mode == Worker && s.protocol != MCO {
		return fmt.Errorf("mode worker is for protocol mco, not %s", s.protocol)
	}
	if s.protocol != MCO && (s.yaml || s.output != guess) {
		return fmt.Errorf("format and output are for protocol mco; %s defines its own output", s.protocol)
	}
	return nil
}

// readSettings takes the keys of a descriptor that are not of its definition.
func readSettings(extra map[string]any) (settings, error) {
	s := defaults()
	r := &keys{}
	for _, key := range slices.Sorted(maps.Keys(extra)) {
		v := extra[key]
		switch r.at = key; key {
		case "command":
			s.command = r.text(key, v)
		case "args":
			s.args = r.texts(key, v)
		case "mode":
			s.mode = Mode(r.oneOf(key, v, string(OneShot), string(Worker)))
		case "protocol":
			s.protocol = Protocol(r.oneOf(key, v, string(MCO), string(MCollective), string(Choria), string(Bolt), string(Nagios)))
		case "format":
			s.yaml = r.oneOf(key, v, "json", "yaml") == "yaml"
		case "output":
			s.output = outputForm(r.oneOf(key, v, "json", "yaml", "kv", "text"))
		case "user":
			s.user = r.text(key, v)
		case "env":
			s.env = r.env(v)
		case "directory":
			s.dir = r.text(key, v)
		case "limits":
			r.limits(v, &s)
		case "concurrency":
			s.concurrency = int(r.count(key, v, 1, 1000))
		case "max_requests":
			s.maxRequests = int(r.count(key, v, 1, 1<<40))
		case "idle":
			s.idle = r.duration(key, v)
		case "start_timeout":
			s.start = r.duration(key, v)
		case "grace":
			s.grace = r.duration(key, v)
		case "background":
			s.background = r.truth(key, v)
		case "requires":
			r.requires(v, &s)
		case "activate":
			s.activation = r.action(v)
		default:
			r.fail("unknown key %q", key) // one that package ddl knows, and this switch does not
		}
	}
	return s, r.err
}

// keys reads values that a YAML or JSON file holds, and keeps the first error.
type keys struct {
	at  string // the key that is being read, with those around it: limits.memory
	err error
}

// A keyError is an error about a key.
type keyError struct {
	at string
	error
}

func (r *keys) fail(format string, args ...any) {
	if r.err == nil {
		r.err = &keyError{r.at, fmt.Errorf(format, args...)}
	}
}

func (r *keys) text(key string, v any) string {
	s, ok := scalarText(v)
	if !ok || s == "" {
		r.fail("%s is to be a text", key)
	}
	return s
}

func (r *keys) texts(key string, v any) []string {
	list, ok := v.([]any)
	if !ok {
		return []string{r.text(key, v)}
	}
	var all []string
	for _, e := range list {
		s, ok := scalarText(e)
		if !ok {
			r.fail("%s is to be a list of texts", key)
		}
		all = append(all, s)
	}
	return all
}

func (r *keys) oneOf(key string, v any, words ...string) string {
	s, _ := scalarText(v)
	if !slices.Contains(words, s) {
		r.fail("%s is to be one of %s, not %q", key, strings.Join(words, ", "), s)
	}
	return s
}

func (r *keys) truth(key string, v any) bool {
	b, ok := v.(bool)
	if !ok {
		r.fail("%s is to be true or false", key)
	}
	return b
}

func (r *keys) count(key string, v any, least, most int64) int64 {
	n, ok := v.(int64)
	if !ok || n < least || n > most {
		r.fail("%s is to be a number from %d to %d", key, least, most)
	}
	return n
}

// duration takes seconds, or a text like 10m.
func (r *keys) duration(key string, v any) time.Duration {
	var d time.Duration
	switch v := v.(type) {
	case int64:
		if v <= 1<<30 {
			d = time.Duration(v) * time.Second
		}
	case float64:
		if v <= 1<<30 {
			d = time.Duration(v * float64(time.Second))
		}
	case string:
		d, _ = time.ParseDuration(v)
	}
	if d <= 0 {
		r.fail("%s is to be a time, in seconds or like 500ms or 10m", key)
	}
	return d
}

// size takes bytes, or a text like 256M.
func (r *keys) size(key string, v any) int64 {
	s, _ := scalarText(v)
	shift := 0
	s = strings.TrimSuffix(strings.ToUpper(s), "B")
	for suffix, n := range map[string]int{"K": 10, "M": 20, "G": 30, "KI": 10, "MI": 20, "GI": 30} {
		if rest, ok := strings.CutSuffix(s, suffix); ok {
			s, shift = rest, n
			break
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 || n > 1<<30 && shift > 0 {
		r.fail("%s is to be a number of bytes, like 65536 or 256M", key)
		return 0
	}
	return n << shift
}

func (r *keys) table(key string, v any, known ...string) map[string]any {
	m, ok := v.(map[string]any)
	if !ok {
		r.fail("%s is to be a map", key)
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if len(known) > 0 && !slices.Contains(known, name) {
			r.at = key + "." + name
			r.fail("unknown key %q in %s%s", name, key, cmp.Or(suggest.Hint(name, known), "; there are "+strings.Join(known, ", ")))
		}
	}
	return m
}

func (r *keys) limits(v any, s *settings) {
	for name, v := range r.table("limits", v, "memory", "processes", "files", "output") {
		key := "limits." + name
		switch r.at = key; name {
		case "memory":
			s.memory = r.size(key, v)
		case "processes":
			s.processes = int(r.count(key, v, 1, 1<<20))
		case "files":
			s.files = int(r.count(key, v, 3, 1<<20))
		case "output":
			if n := r.size(key, v); n > 64<<20 {
				r.fail("%s is to be 64M at most", key)
			} else {
				s.most = int(n)
			}
		}
	}
}

func (r *keys) env(v any) []string {
	m := r.table("env", v)
	var env []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		s, ok := scalarText(m[name])
		if !ok || !isWord(name) {
			r.fail("env is to be a map of names to texts; %q is not", name)
		}
		env = append(env, name+"="+s)
	}
	return env
}

func (r *keys) requires(v any, s *settings) {
	for name, v := range r.table("requires", v, "commands", "files", "facts") {
		key := "requires." + name
		switch r.at = key; name {
		case "commands":
			s.commands = r.texts(key, v)
		case "files":
			s.paths = r.texts(key, v)
		case "facts":
			s.facts = r.facts(key, v)
		}
	}
}

// facts takes a map of names to values, or a list of texts like those of -F.
func (r *keys) facts(key string, v any) []filter.Fact {
	var facts []filter.Fact
	if m, ok := v.(map[string]any); ok {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			facts = append(facts, filter.Fact{Name: name, Operator: "==", Value: r.text(key+"."+name, m[name])})
		}
		return facts
	}
	for _, text := range r.texts(key, v) {
		f, err := filter.ParseFact(text)
		if err != nil {
			r.fail("%s: %w", key, err)
		}
		facts = append(facts, f)
	}
	return facts
}

func (r *keys) action(v any) string {
	if b, ok := v.(bool); ok {
		if b {
			return "activate"
		}
		return ""
	}
	return r.text("activate", v)
}
