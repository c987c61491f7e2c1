package inventory

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
	"time"

	"mcollective/internal/cli"
	"mcollective/internal/cli/outputs"
	"mcollective/internal/clientfiles"
	"mcollective/internal/render"
	"mcollective/internal/safetext"
	"mcollective/internal/usage"
	"mcollective/value"
)

// A nodeReport is what a node says of itself.
type nodeReport struct {
	node  string
	stats *value.Map // of daemon_stats; nil if that was not answered
	about *value.Map // of inventory
}

func newNodeReport(node string, stats, about *value.Map) *nodeReport {
	return &nodeReport{node: node, stats: stats, about: about}
}

func sortReports(list []*nodeReport) {
	slices.SortFunc(list, func(a, b *nodeReport) int { return cmp.Compare(a.node, b.node) })
}

// remember lets the shell offer what the node has.
func (n *nodeReport) remember(env *cli.Env) {
	l := clientfiles.Names{Identities: []string{n.node}, Facts: make(map[string][]string)}
	if facts, _ := outputs.Output(n.about, "facts").(*value.Map); facts != nil {
		outputs.FlatFacts(facts, "", 0, func(name, text string) {
			if len(l.Facts) < clientfiles.MostNames {
				l.Facts[name] = append(l.Facts[name], text)
			}
		})
	}
	l.Agents, l.Classes = outputs.Texts(outputs.Output(n.about, "agents")), outputs.Texts(outputs.Output(n.about, "classes"))
	env.Files().Remember(l)
}

// print shows the report in the layout of Ruby's.
func (n *nodeReport) print(env *cli.Env) error {
	w := &strings.Builder{}
	say := func(v any) string { return cli.Tidy(env, render.Text(v)) }
	fmt.Fprintf(w, "Inventory for %s:\n\n   Server Statistics:\n", safetext.CleanLine(n.node))
	line := func(label string, value any) { fmt.Fprintf(w, "%29s: %v\n", label, value) }
	line("Version", say(outputs.Output(n.stats, "version")))
	line("Start Time", startTime(outputs.Output(n.stats, "starttime")))
	line("Config File", say(outputs.Output(n.stats, "configfile")))
	if list := outputs.Output(n.about, "collectives"); list != nil {
		line("Collectives", cli.Tidy(env, strings.Join(outputs.Texts(list), ", ")))
	}
	if main := outputs.Output(n.about, "main_collective"); main != nil {
		line("Main Collective", say(main))
	}
	for _, f := range []struct{ label, name string }{
		{"Process ID", "pid"}, {"Total Messages", "total"}, {"Messages Passed Filters", "passed"},
		{"Messages Filtered", "filtered"}, {"Expired Messages", "ttlexpired"}, {"Replies Sent", "replies"},
	} {
		line(f.label, say(outputs.Output(n.stats, f.name)))
	}
	times, _ := outputs.Output(n.stats, "times").(*value.Map)
	line("Total Processor Time", say(outputs.Output(times, "utime"))+" seconds")
	line("System Time", say(outputs.Output(times, "stime"))+" seconds")

	fmt.Fprint(w, "\n   Agents:\n")
	cells(w, env, outputs.Texts(outputs.Output(n.about, "agents")), "      ", "%-15s", 3, "No agents installed")
	fmt.Fprint(w, "\n   Data Plugins:\n")
	plugins := cli.Sorted(outputs.Texts(outputs.Output(n.about, "data_plugins")))
	for i, p := range plugins {
		plugins[i] = strings.ReplaceAll(p, "_data", "")
	}
	cells(w, env, plugins, "      ", "%-15s", 3, "No data plugins installed")
	fmt.Fprint(w, "\n   Configuration Management Classes:\n")
	classes := outputs.Texts(outputs.Output(n.about, "classes"))
	column := 30
	for _, c := range classes {
		column = max(column, min(len([]rune(c)), cli.MostFilled))
	}
	cells(w, env, classes, "    ", fmt.Sprintf("%%-%ds", column), max(90/column, 1), "No classes applied")
	fmt.Fprint(w, "\n   Facts:\n")
	facts, _ := outputs.Output(n.about, "facts").(*value.Map)
	if facts == nil || facts.Len() == 0 {
		fmt.Fprint(w, "      No facts known\n")
	} else {
		known := make(map[string]any, facts.Len())
		for k, v := range facts.All() {
			known[render.Text(k)] = v
		}
		for _, name := range cli.SortedKeys(known) {
			fmt.Fprintf(w, "      %s => %s\n", cli.Tidy(env, name), say(known[name]))
		}
	}
	_, err := io.WriteString(env.Out, w.String())
	return err
}

// startTime returns a time as Ruby prints it.
func startTime(v any) string {
	n, ok := v.(int64)
	if !ok || n < 0 || n > 1<<40 {
		return safetext.CleanLine(render.Text(v))
	}
	return time.Unix(n, 0).Format("2006-01-02 15:04:05 -0700")
}

// cells prints a sorted list, so many to a line; the last line is filled up.
func cells(w io.Writer, env *cli.Env, list []string, margin, format string, columns int, none string) {
	if len(list) == 0 {
		fmt.Fprintf(w, "      %s\n", none)
		return
	}
	list = cli.Sorted(list)
	for row := range slices.Chunk(list, columns) {
		padded := make([]string, columns)
		for i := range padded {
			cell := ""
			if i < len(row) {
				cell = cli.Tidy(env, row[i])
			}
			padded[i] = fmt.Sprintf(format, cell)
		}
		fmt.Fprintf(w, "%s%s\n", margin, strings.Join(padded, " "))
	}
}

// plain returns the report as values that JSON and templates know.
func (n *nodeReport) plain() map[string]any {
	m := map[string]any{"sender": n.node, "identity": n.node}
	for _, h := range []*value.Map{n.stats, n.about} {
		if h == nil {
			continue
		}
		for k, v := range h.All() {
			m[render.Text(k)] = plainValue(v)
		}
	}
	// Both answers have a list of agents, which is the same.
	m["agents"] = plainValue(outputs.Output(n.about, "agents"))
	delete(m, "threads")
	return m
}

// plainValue returns a value from a node without what only Ruby has.
func plainValue(v any) any {
	return value.Plain(v, func(v any) any {
		switch v.(type) {
		case nil, bool, int64, float64, *big.Int:
			return v
		}
		return render.Text(v)
	})
}

// readTemplate parses a template file.
func readTemplate(path string) (*template.Template, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, usage.Errorf("read the template: %w", err)
	}
	t := template.New(filepath.Base(path)).Funcs(template.FuncMap{
		"fact": factAt,
		"join": func(separator string, list any) string {
			items, _ := list.([]any)
			words := make([]string, len(items))
			for i := range items {
				words[i] = fmt.Sprint(items[i])
			}
			return strings.Join(words, separator)
		},
		"json": func(v any) (string, error) {
			text, err := json.Marshal(v)
			return string(text), err
		},
	})
	if t, err = t.Parse(string(data)); err != nil {
		return nil, usage.Hinted(usage.Errorf("template %s: %w", path, err), "The fields are {{.identity}}, {{.version}}, {{.facts.NAME}}, {{fact . \"os.release.major\"}}, {{join \", \" .classes}}, .agents, .collectives, .main_collective, .data_plugins, .starttime, .pid")
	}
	return t, nil
}

// factAt finds a fact by its path with dots, "" if there is none.
func factAt(node map[string]any, path string) any {
	var at any = node["facts"]
	for path != "" {
		m, ok := at.(map[string]any)
		if !ok {
			return ""
		}
		if v, ok := m[path]; ok {
			return v
		}
		var key string
		key, path, _ = strings.Cut(path, ".")
		at = m[key]
	}
	if at == nil {
		return ""
	}
	return at
}

// fill prints what a template makes of the node.
func (n *nodeReport) fill(env *cli.Env, t *template.Template) error {
	var b strings.Builder
	if err := t.Execute(&b, n.plain()); err != nil {
		return usage.Errorf("node %s: %w", safetext.CleanLine(n.node), err)
	}
	text := env.Clean(b.String())
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	_, err := io.WriteString(env.Out, text)
	return err
}
