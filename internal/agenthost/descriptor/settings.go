package descriptor

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"mcollective/agent/stdio"
	"mcollective/filter"
	"mcollective/internal/agenthost/adapter"
	"mcollective/internal/suggest"
)

// A Mode is how often a program is started.
type Mode string

// The modes.
const (
	OneShot Mode = "oneshot" // once for each call; the default
	Worker  Mode = "worker"  // once for many calls
)

// Settings are the keys of a descriptor that say how the agent is run.
type Settings struct {
	Command  string
	Args     []string
	Mode     Mode
	Protocol adapter.Protocol
	Spoken   stdio.Form // JSON or YAML, by protocol mco
	Output   stdio.Form // that a one-shot program prints
	User     string
	Env      []string
	Dir      string

	Memory    int64 // bytes
	Processes int
	Files     int
	MaxOutput int // bytes, and of a message

	Concurrency int // calls at once; 0 is no limit
	Idle        time.Duration
	Start       time.Duration
	Grace       time.Duration // between TERM and KILL
	Hang        time.Duration // for a worker to answer a ping, or to end with its input
	MaxRequests int
	Background  bool

	Requires   Requirements
	Activation string // action that reports whether the agent can work here
}

const (
	hangTime     = 2 * time.Second
	defaultGrace = 10 * time.Second
	boltGrace    = 30 * time.Second // the same of a task, which may be at work on packages
)

func defaults() Settings {
	return Settings{Spoken: stdio.JSON, MaxOutput: 1 << 20, Idle: 10 * time.Minute, Start: 5 * time.Second}
}

// applyDefaults fills in what depends on mode and protocol, once all descriptors are
// read, and says what does not go together.
func (s *Settings) applyDefaults() error {
	s.Mode, s.Protocol = cmp.Or(s.Mode, OneShot), cmp.Or(s.Protocol, adapter.MCO)
	s.Hang = cmp.Or(s.Grace, hangTime)
	if s.Protocol == adapter.Bolt {
		s.Grace = cmp.Or(s.Grace, boltGrace)
	}
	s.Grace = cmp.Or(s.Grace, defaultGrace)
	if s.Mode == Worker {
		s.Concurrency = cmp.Or(s.Concurrency, 1)
	}
	if s.Mode == Worker && s.Protocol != adapter.MCO {
		return fmt.Errorf("mode worker is for protocol mco, not %s", s.Protocol)
	}
	if s.Protocol != adapter.MCO && (s.Spoken != stdio.JSON || s.Output != stdio.Guess) {
		return fmt.Errorf("format and output are for protocol mco; %s defines its own output", s.Protocol)
	}
	return nil
}

// readSettings takes the keys of a descriptor that are not of its definition.
func readSettings(extra map[string]any) (Settings, error) {
	s := defaults()
	r := &keys{}
	for _, key := range slices.Sorted(maps.Keys(extra)) {
		v := extra[key]
		switch r.at = key; key {
		case "command":
			s.Command = r.text(key, v)
		case "args":
			s.Args = r.texts(key, v)
		case "mode":
			s.Mode = Mode(r.oneOf(key, v, string(OneShot), string(Worker)))
		case "protocol":
			s.Protocol = adapter.Protocol(r.oneOf(key, v, adapter.Protocols...))
		case "format":
			s.Spoken = stdio.Form(r.oneOf(key, v, "json", "yaml"))
		case "output":
			s.Output = stdio.Form(r.oneOf(key, v, "json", "yaml", "kv", "text"))
		case "user":
			s.User = r.text(key, v)
		case "env":
			s.Env = r.env(v)
		case "directory":
			s.Dir = r.text(key, v)
		case "limits":
			r.limits(v, &s)
		case "concurrency":
			s.Concurrency = int(r.count(key, v, 1, 1000))
		case "max_requests":
			s.MaxRequests = int(r.count(key, v, 1, 1<<40))
		case "idle":
			s.Idle = r.duration(key, v)
		case "start_timeout":
			s.Start = r.duration(key, v)
		case "grace":
			s.Grace = r.duration(key, v)
		case "background":
			s.Background = r.truth(key, v)
		case "requires":
			r.requires(v, &s)
		case "activate":
			s.Activation = r.action(v)
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
	s, ok := stdio.ScalarText(v)
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
		s, ok := stdio.ScalarText(e)
		if !ok {
			r.fail("%s is to be a list of texts", key)
		}
		all = append(all, s)
	}
	return all
}

func (r *keys) oneOf(key string, v any, words ...string) string {
	s, _ := stdio.ScalarText(v)
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
	s, _ := stdio.ScalarText(v)
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

func (r *keys) limits(v any, s *Settings) {
	for name, v := range r.table("limits", v, "memory", "processes", "files", "output") {
		key := "limits." + name
		switch r.at = key; name {
		case "memory":
			s.Memory = r.size(key, v)
		case "processes":
			s.Processes = int(r.count(key, v, 1, 1<<20))
		case "files":
			s.Files = int(r.count(key, v, 3, 1<<20))
		case "output":
			if n := r.size(key, v); n > 64<<20 {
				r.fail("%s is to be 64M at most", key)
			} else {
				s.MaxOutput = int(n)
			}
		}
	}
}

func (r *keys) env(v any) []string {
	m := r.table("env", v)
	var env []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		s, ok := stdio.ScalarText(m[name])
		if !ok || !stdio.IsWord(name) {
			r.fail("env is to be a map of names to texts; %q is not", name)
		}
		env = append(env, name+"="+s)
	}
	return env
}

func (r *keys) requires(v any, s *Settings) {
	for name, v := range r.table("requires", v, "commands", "files", "facts") {
		key := "requires." + name
		switch r.at = key; name {
		case "commands":
			s.Requires.Commands = r.texts(key, v)
		case "files":
			s.Requires.Files = r.texts(key, v)
		case "facts":
			s.Requires.Facts = r.facts(key, v)
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
