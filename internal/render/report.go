package render

import (
	"fmt"
	"io"
	"slices"
	"time"
	"unicode/utf8"

	"mcollective/client"
)

// Statistics prints what Ruby prints at the end of every command that calls an
// action: how many nodes answered in what time, and who did not. caption is the
// title of the verbose form.
func Statistics(o Options, caption string, a *client.Account, s Stats) error {
	if s.Discovered == 0 {
		s.Discovered = len(a.Outcomes)
	}
	r := &Results{o: o, out: newOutput(o.Out), ok: a.Count[client.OK]}
	r.failed = a.Replies - r.ok
	r.report(caption, a, s)
	return r.out.flush()
}

// report is the end of Ruby's text.
func (r *Results) report(caption string, a *client.Account, s Stats) {
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	out := r.out
	short := a.Replies < s.Discovered
	out.WriteString(r.summaryText() + "\n")
	color := reset
	if short {
		color = red
	}
	if r.o.Verbose {
		fmt.Fprintf(out, "%s\n", r.o.paint(yellow, "---- "+caption+" ----"))
		fmt.Fprintf(out, "           Nodes: %s / %s\n", r.o.paint(color, fmt.Sprint(s.Discovered)), r.o.paint(color, fmt.Sprint(a.Replies)))
		fmt.Fprintf(out, "     Pass / Fail: %s / %s\n", r.o.paint(reset, fmt.Sprint(r.ok)), r.o.paint(reset, fmt.Sprint(r.failed)))
		fmt.Fprintf(out, "      Start Time: %s\n", a.Started.Format("2006-01-02 15:04:05 -0700"))
		fmt.Fprintf(out, "  Discovery Time: %.2fms\n", ms(s.DiscoveryTime))
		fmt.Fprintf(out, "      Agent Time: %.2fms\n", ms(a.Total))
		fmt.Fprintf(out, "      Total Time: %.2fms\n", ms(a.Total+s.DiscoveryTime))
	} else {
		if !short {
			color = green
		}
		fmt.Fprintf(out, "Finished processing %s / %s hosts in %.2f ms\n", r.o.paint(color, fmt.Sprint(a.Replies)), r.o.paint(color, fmt.Sprint(s.Discovered)), ms(a.Total))
	}
	out.WriteString("\n")
	r.nodeTable("No response from:", a.NoResponse)
	r.nodeTable("Unexpected response from:", a.Unexpected)
}

// nodeTable lists nodes in columns, under a title.
func (r *Results) nodeTable(title string, nodes []string) {
	if len(nodes) == 0 {
		return
	}
	sorted := slices.Clone(nodes)
	size := 30
	for i, n := range sorted {
		sorted[i] = r.line(n)
		size = max(size, utf8.RuneCountInString(sorted[i]))
	}
	slices.Sort(sorted)
	fmt.Fprintf(r.out, "\n%s\n\n", r.o.paint(red, title))
	columns := max(1, 90/size)
	for row := range slices.Chunk(sorted, columns) {
		io.WriteString(r.out, "   ")
		for i := range columns {
			name := ""
			if i < len(row) {
				name = row[i]
			}
			io.WriteString(r.out, " "+pad(name, size))
		}
		io.WriteString(r.out, "\n")
	}
	io.WriteString(r.out, "\n")
}

// seconds returns a duration for people.
func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
