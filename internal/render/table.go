package render

import (
	"io"
	"strconv"
	"strings"

	"github.com/mattn/go-runewidth"

	"mcollective/client"
	"mcollective/rpc"
	"mcollective/value"
)

// table shows a row for each node, under the labels of the outputs. The columns
// fit what is in them, so nothing is shown before the end.
type table struct {
	r    *Results
	wide bool
	rows []record
}

func (t *table) add(sender string, reply *rpc.Reply) {
	t.rows = append(t.rows, record{sender, reply})
}

// missing stands where a node gave nothing.
const missing = "-"

// columns returns the names of the outputs, and whether all nodes succeeded.
func (t *table) columns() (names []string, good bool) {
	good = true
	for _, row := range t.rows {
		good = good && row.reply.Status == rpc.OK && row.reply.Message == "OK"
	}
	if t.r.o.Fields != nil {
		return t.r.o.Fields, good
	}
	if t.r.def != nil {
		for _, o := range t.r.def.Outputs {
			names = append(names, o.Name)
		}
	}
	if t.r.def == nil || t.wide {
		all := newUnion(names)
		for _, row := range t.rows {
			if row.reply.Status == rpc.OK {
				all.add(row.reply.Data)
			}
		}
		names = all.close(t.r)
	}
	return names, good
}

func (t *table) close(a *client.Account, _ Stats) {
	if len(t.rows) == 0 {
		return
	}
	names, good := t.columns()
	head := []string{"Node"}
	if t.wide || !good {
		head = append(head, "Status")
	}
	if t.wide {
		head = append(head, "Message")
	}
	for _, n := range names {
		head = append(head, t.r.label(n))
	}
	grid := [][][]string{t.cells(head)}
	for _, row := range t.rows {
		grid = append(grid, t.cells(t.row(row, names, good)))
	}
	t.write(grid)
}

// row returns the text of the cells of one node.
func (t *table) row(row record, names []string, good bool) []string {
	cells := []string{row.sender}
	status, message := strconv.Itoa(int(row.reply.Status)), row.reply.Message
	switch {
	case t.wide:
		cells = append(cells, status, message)
	case !good && row.reply.Status == rpc.OK:
		cells = append(cells, message)
	case !good:
		cells = append(cells, "failed: "+message)
	}
	given := outputs(row.reply.Data)
	for _, n := range names {
		v := given[n]
		if v == nil || row.reply.Status != rpc.OK && !t.wide {
			cells = append(cells, missing)
		} else {
			cells = append(cells, t.text(v))
		}
	}
	return cells
}

// most is how wide a list or hash may be in a table that is not wide: a longer one
// would push everything else away, and counts as its length.
const most = 60

func (t *table) text(v any) string {
	text := strings.TrimRight(compact(v), "\n")
	if t.wide || len(text) <= most {
		return text
	}
	n := 0
	switch v := v.(type) {
	case *value.Map:
		n = v.Len()
	case *value.Array:
		n = len(v.Items)
	case []any:
		n = len(v)
	default:
		return text
	}
	return "(" + strconv.Itoa(n) + " items)"
}

// What a table takes to line up its columns. Nodes must not make much of little,
// and each line of a cell is filled up to all columns before it.
const (
	mostLines  = 50   // of a cell; one with more keeps to one line
	mostFilled = 256  // characters of a column; what is longer pushes the rest away
	mostWidth  = 2048 // characters of all columns together
)

// cells splits texts into their lines.
func (t *table) cells(texts []string) [][]string {
	cells := make([][]string, len(texts))
	for i, s := range texts {
		s = strings.ReplaceAll(t.r.lines(s), "\t", "    ")
		if strings.Count(s, "\n") >= mostLines {
			s = strings.ReplaceAll(s, "\n", `\n`)
		}
		cells[i] = strings.Split(s, "\n")
	}
	return cells
}

const gap = "  "

func (t *table) write(grid [][][]string) {
	widths := make([]int, len(grid[0]))
	for _, row := range grid {
		for i, cell := range row {
			for _, l := range cell {
				widths[i] = max(widths[i], runewidth.StringWidth(l))
			}
		}
	}
	cut := t.r.o.Terminal && !t.wide
	if cut {
		fit(widths, t.r.o.Width)
	}
	filled, left := make([]int, len(widths)), mostWidth
	for i, w := range widths {
		filled[i] = min(w, mostFilled, left)
		left -= filled[i]
	}
	for n, row := range grid {
		height := 0
		for _, cell := range row {
			height = max(height, len(cell))
		}
		for y := range height {
			var line strings.Builder
			for i, cell := range row {
				text := ""
				if y < len(cell) {
					text = cell[y]
				}
				if cut {
					text = runewidth.Truncate(text, widths[i], "…")
				}
				line.WriteString(runewidth.FillRight(text, filled[i]) + gap)
			}
			text := strings.TrimRight(line.String(), " ")
			if n == 0 {
				text = t.r.o.paint(bold, text)
			}
			io.WriteString(t.r.out, text+"\n")
		}
	}
}

// fit takes width from the widest columns until the table fits. A column keeps
// what can still be read, and the first, of the nodes, all.
func fit(widths []int, columns int) {
	const least = 12
	total := -len(gap)
	for i, w := range widths {
		if i > 0 {
			widths[i] = min(w, max(columns, least)) // more will not be left
		}
		total += widths[i] + len(gap)
	}
	for total > columns {
		widest := 0
		for i := 1; i < len(widths); i++ {
			if widest == 0 || widths[i] > widths[widest] {
				widest = i
			}
		}
		if widest == 0 || widths[widest] <= least {
			return
		}
		widths[widest]--
		total--
	}
}
