package process

import (
	"fmt"
	"strings"

	"mcollective/internal/cli"
	"mcollective/internal/cli/outputs"
	"mcollective/internal/render"
	"mcollective/internal/safetext"
	"mcollective/internal/usage"
	"mcollective/rpc"
	"mcollective/value"
)

// A processCell is one column of a table of processes.
type processCell struct {
	name  string
	right bool // numbers
	value func(p *value.Map) string
}

// processColumns reads the value of --fields.
func processColumns(list string) ([]processCell, error) {
	text := func(key string) func(*value.Map) string {
		return func(p *value.Map) string { return render.Text(outputs.Output(p, key)) }
	}
	size := func(key string, unit float64) func(*value.Map) string {
		return func(p *value.Map) string { return outputs.BytesText(outputs.Number(outputs.Output(p, key)) * unit) }
	}
	percent := func(key string) func(*value.Map) string {
		return func(p *value.Map) string { return fmt.Sprintf("%.1f", outputs.Number(outputs.Output(p, key))) }
	}
	known := []processCell{
		{"pid", true, text("pid")}, {"ppid", true, text("ppid")}, {"user", false, text("username")}, {"uid", true, text("uid")},
		{"state", false, text("state")}, {"name", false, text("name")}, {"vsz", true, size("vsize", 1)}, {"rss", true, size("rss", 1024)},
		{"cpu", true, percent("pctcpu")}, {"mem", true, percent("pctmem")}, {"nice", true, text("nice")}, {"threads", true, text("nlwp")},
		{"command", false, func(p *value.Map) string {
			if line := render.Text(outputs.Output(p, "cmdline")); line != "" {
				return line
			}
			return "[" + render.Text(outputs.Output(p, "name")) + "]" // it has none: the kernel's, or a zombie
		}},
	}
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = k.name
	}
	var cells []processCell
next:
	for word := range strings.SplitSeq(list, ",") {
		word = strings.ToLower(strings.TrimSpace(word))
		for _, k := range known {
			if k.name == word {
				cells = append(cells, k)
				continue next
			}
		}
		if word != "" {
			return nil, usage.Hinted(usage.Errorf("invalid argument: --fields %s", word), "The fields of processes are "+strings.Join(names, ", "))
		}
	}
	return cells, nil
}

// members returns the elements of an array.
func members(v any) []any {
	switch v := v.(type) {
	case []any:
		return v
	case *value.Array:
		if v != nil {
			return v.Items
		}
	}
	return nil
}

// A processTotal is about the processes of all nodes.
type processTotal struct {
	nodes, processes int
	rss, vsz         float64
}

// table prints the processes of a node.
func (p *processes) table(env *cli.Env, node string, reply *rpc.Reply, cells []processCell) {
	listed, _ := reply.Output("pslist")
	var rows [][]string
	for _, one := range members(listed) {
		h, ok := one.(*value.Map)
		if !ok || h == nil {
			continue
		}
		p.total.processes++
		p.total.rss += outputs.Number(outputs.Output(h, "rss")) * 1024
		p.total.vsz += outputs.Number(outputs.Output(h, "vsize"))
		row := make([]string, len(cells))
		for i, c := range cells {
			row[i] = safetext.CleanLine(c.value(h)) // a line for each process, whatever it is called
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return
	}
	p.total.nodes++
	if p.silent {
		return
	}
	fmt.Fprintf(env.Out, "   %s\n\n", safetext.CleanLine(node))
	printTable(env, cells, rows)
	if parents, _ := reply.Output("parents"); len(members(parents)) > 0 {
		fmt.Fprint(env.Out, "\n     Their parents:\n")
		for _, parent := range members(parents) {
			fmt.Fprintf(env.Out, "       %s\n", cli.Tidy(env, render.Text(parent)))
		}
	}
	fmt.Fprintln(env.Out)
}

func printTable(env *cli.Env, cells []processCell, rows [][]string) {
	wide := make([]int, len(cells))
	for i, c := range cells {
		wide[i] = len(c.name)
		for _, row := range rows {
			wide[i] = max(wide[i], min(len([]rune(row[i])), 64)) // a node must not make much of little
		}
	}
	line := func(row func(i int) string) {
		var b strings.Builder
		b.WriteString("    ")
		for i, c := range cells {
			if c.right {
				fmt.Fprintf(&b, " %*s ", wide[i], row(i))
			} else {
				fmt.Fprintf(&b, " %-*s ", wide[i], row(i))
			}
		}
		text := []rune(strings.TrimRight(b.String(), " "))
		if columns := cli.Width(env); columns > 0 && len(text) > columns {
			text = append(text[:columns-1], '…')
		}
		fmt.Fprintln(env.Out, string(text))
	}
	line(func(i int) string { return strings.ToUpper(cells[i].name) })
	for _, row := range rows {
		line(func(i int) string { return row[i] })
	}
}

// tree prints the processes of a node below their parents.
func (p *processes) tree(env *cli.Env, node string, reply *rpc.Reply) {
	tree := outputs.Said(reply, "tree")
	if strings.TrimSpace(tree) == "" || p.silent {
		return
	}
	fmt.Fprintf(env.Out, "   %s\n\n", safetext.CleanLine(node))
	for line := range strings.Lines(tree) {
		fmt.Fprintf(env.Out, "     %s\n", cli.Tidy(env, strings.TrimRight(line, "\n")))
	}
	fmt.Fprintln(env.Out)
}

// print is the end of a list.
func (s *processTotal) print(env *cli.Env) {
	fmt.Fprintf(env.Out, "   ---- Process Summary ----\n"+
		"        Matched hosts: %d\n    Matched processes: %d\n        Resident Size: %s\n         Virtual Size: %s\n",
		s.nodes, s.processes, outputs.BytesText(s.rss), outputs.BytesText(s.vsz))
}
