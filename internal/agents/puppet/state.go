package puppet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"mcollective/internal/plainfile"
	"mcollective/internal/yaml"
	"mcollective/value"
)

// A node is the state of Puppet on a machine, as its files tell.
type node struct {
	files    map[string]string
	now      time.Time
	daemon   int // the process, or 0
	applying int // the process that applies a catalog, or 0
}

// node looks. A file that is there and cannot be read is an error: nobody knows then whether Puppet runs.
func (o Options) node(ctx context.Context) (node, error) {
	files, err := o.settings(ctx)
	if err != nil {
		return node{}, err
	}
	n := node{files: files, now: o.Now()}
	if n.daemon, err = o.pid(files["pidfile"]); err == nil {
		n.applying, err = o.pid(files["agent_catalog_run_lockfile"])
	}
	return n, err
}

// pid returns the process that a file names, if it runs, else 0.
func (o Options) pid(file string) (int, error) {
	text, err := plainfile.Read(file, maxLock)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("cannot tell whether Puppet runs: %w", err)
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil || pid < 2 || !o.Alive(pid) {
		return 0, nil
	}
	return pid, nil
}

func (n node) idling() bool   { return n.daemon != 0 && n.applying == 0 }
func (n node) disabled() bool { return exists(n.files["agent_disabled_lockfile"]) }

// why returns the reason that the agent was disabled for, or "".
func (n node) why() string {
	text, err := plainfile.Read(n.files["agent_disabled_lockfile"], maxLock)
	if err != nil {
		return ""
	}
	var lock struct {
		Message string `json:"disabled_message"`
	}
	if json.Unmarshal(text, &lock) != nil {
		return ""
	}
	return lock.Message
}

func (n node) enable() error {
	if !n.disabled() {
		return errors.New("Already enabled") //lint:ignore ST1005 the text that clients know
	}
	return os.Remove(n.files["agent_disabled_lockfile"])
}

// disable writes the lock file in one step.
func (n node) disable(message string) error {
	if n.disabled() {
		return errors.New("Already disabled") //lint:ignore ST1005 the text that clients know
	}
	text, err := json.Marshal(map[string]string{"disabled_message": message})
	if err != nil {
		return err
	}
	lock := n.files["agent_disabled_lockfile"]
	f, err := os.CreateTemp(filepath.Dir(lock), ".agent_disabled.")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), lock)
	}
	return err
}

// word returns the state in one word or a few.
func (n node) word() string {
	switch {
	case n.disabled():
		return "disabled"
	case n.applying != 0:
		return "applying a catalog"
	case n.idling():
		return "idling"
	}
	return "stopped"
}

// status returns what the action status and the data plugin tell.
func (n node) status(s summary) map[string]any {
	last := s.lastRun()
	return map[string]any{
		"applying": n.applying != 0, "enabled": !n.disabled(), "daemon_present": n.daemon != 0, "idling": n.idling(), "disable_message": n.why(),
		"lastrun": last, "since_lastrun": n.now.Unix() - last, "status": n.word(),
	}
}

// spell returns a number of seconds as the published agent says it.
func spell(seconds int64) string {
	days, hours, minutes, rest := seconds/86400, seconds/3600%24, seconds/60%60, seconds%60
	switch {
	case days == 1:
		return fmt.Sprintf("1 day %d hours %d minutes %02d seconds", hours, minutes, rest)
	case days > 1:
		return fmt.Sprintf("%d days %d hours %d minutes %02d seconds", days, hours, minutes, rest)
	case hours > 0:
		return fmt.Sprintf("%d hours %d minutes %02d seconds", hours, minutes, rest)
	case minutes > 0:
		return fmt.Sprintf("%d minutes %02d seconds", minutes, rest)
	}
	return fmt.Sprintf("%02d seconds", rest)
}

// How much of a file of Puppet's is read. Reports have every resource.
const (
	maxLock    = 64 << 10
	maxSummary = 1 << 20
	maxState   = 64 << 20
)

// A summary is last_run_summary.yaml: values by section and name.
type summary map[string]any

func (n node) summary() (summary, error) {
	s := summary{}
	for _, section := range []string{"changes", "time", "resources", "version", "events"} {
		s[section] = map[string]any{}
	}
	data, err := plainfile.Read(n.files["lastrunfile"], maxSummary)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the summary of the last run: %w", err)
	}
	read := map[string]any{}
	if err := yaml.Unmarshal(data, &read, yaml.Limits{Bytes: maxSummary}); err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", n.files["lastrunfile"], err)
	}
	for section, values := range read {
		if values != nil {
			s[section] = values
		}
	}
	return s, nil
}

// number returns a value of a section, or otherwise if there is none.
func (s summary) number(section, name string, otherwise any) any {
	values, _ := s[section].(map[string]any)
	switch v := values[name].(type) {
	case nil:
		return otherwise
	case int:
		return int64(v)
	case uint64:
		return int64(v)
	default:
		return v
	}
}

// lastRun is when a catalog was last applied, in seconds since 1970; 0 if never.
func (s summary) lastRun() int64 {
	switch v := s.number("time", "last_run", int64(0)).(type) {
	case int64:
		return v
	case float64:
		return int64(v)
	}
	return 0
}

// figures returns what last_run_summary and the data plugin resource tell.
func (s summary) figures(now time.Time) map[string]any {
	last := s.lastRun()
	return map[string]any{
		"out_of_sync_resources": s.number("resources", "out_of_sync", int64(0)), "failed_resources": s.number("resources", "failed", int64(0)),
		"corrected_resources": s.number("resources", "corrective_change", int64(0)), "changed_resources": s.number("resources", "changed", int64(0)),
		"total_resources": s.number("resources", "total", int64(0)), "total_time": s.number("time", "total", int64(0)),
		"config_retrieval_time": s.number("time", "config_retrieval", int64(0)), "lastrun": last, "since_lastrun": now.Unix() - last,
		"config_version": text(s.number("version", "config", "unknown")),
	}
}

// text keeps what a data plugin may tell; a version may be a number or a text.
func text(v any) any {
	switch v.(type) {
	case string, int64, float64, bool:
		return v
	}
	return fmt.Sprint(v)
}

// plain returns what was read of a YAML file as a message holds it.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		h := &value.Map{}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			h.Pairs = append(h.Pairs, value.Pair{Key: name, Value: plain(v[name])})
		}
		return h
	case []any:
		all := make([]any, len(v))
		for i := range v {
			all[i] = plain(v[i])
		}
		return all
	case int:
		return int64(v)
	case uint64:
		return int64(v)
	case time.Time:
		return v.Format(time.RFC3339)
	case nil, bool, int64, float64, string:
		return v
	}
	return fmt.Sprint(v)
}

// logs returns the lines of the last report. It holds objects of Ruby's, which are
// read as what they are in YAML.
func (n node) logs() ([]any, error) {
	data, err := plainfile.Read(n.files["lastrunreport"], maxState)
	if errors.Is(err, fs.ErrNotExist) {
		return []any{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the last report: %w", err)
	}
	root, err := yaml.ParseNode(data, yaml.Limits{Bytes: maxState, Depth: 50, Nodes: 5_000_000, Aliases: true})
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", n.files["lastrunreport"], err)
	}
	list := []any{}
	lines := child(root, "logs")
	if lines == nil {
		return list, nil
	}
	for _, line := range lines.Content {
		get := func(name string) string {
			if n := child(line, name); n != nil {
				return n.Value
			}
			return ""
		}
		at, _ := time.Parse("2006-01-02T15:04:05.999999999Z07:00", strings.Replace(get("time"), " ", "T", 1))
		seconds := int64(0)
		if !at.IsZero() {
			seconds = at.Unix()
		}
		list = append(list, value.NewMap("time_utc", seconds, "time", seconds, "level", strings.TrimPrefix(get("level"), ":"), "source", get("source"), "msg", strings.TrimRight(get("message"), "\n")))
	}
	return list, nil
}

// child returns a value of a mapping, or nil. What is meant elsewhere in the file is
// not looked up.
func child(n *yaml.Node, name string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

// managed returns the resources of the last catalog, as "file[/etc/motd]".
func (n node) managed() ([]string, error) {
	data, err := plainfile.Read(n.files["resourcefile"], maxState)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the managed resources: %w", err)
	}
	return strings.Split(strings.TrimRight(string(data), "\n"), "\n"), nil
}

// manages reports whether a resource is managed. Types are the same in any case.
func (n node) manages(resource string) (bool, error) {
	kind, title, ok := strings.Cut(resource, "[")
	if !ok {
		return false, fmt.Errorf("invalid resource name %s", resource)
	}
	all, err := n.managed()
	for _, r := range all {
		if r == strings.ToLower(kind)+"["+title {
			return true, err
		}
	}
	return false, err
}

// types counts managed resources by type, as "File" and "Apt::Source".
func (n node) types() (*value.Map, error) {
	all, err := n.managed()
	counts := map[string]any{}
	for _, r := range all {
		kind, _, ok := strings.Cut(r, "[")
		if !ok {
			continue
		}
		parts := strings.Split(strings.ToLower(kind), "::")
		for i, p := range parts {
			if p != "" {
				parts[i] = strings.ToUpper(p[:1]) + p[1:]
			}
		}
		kind = strings.Join(parts, "::")
		count, _ := counts[kind].(int64)
		counts[kind] = count + 1
	}
	return plain(counts).(*value.Map), err
}
