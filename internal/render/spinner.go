package render

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"
)

// spinner is Ruby's progress display: a bar with a turning stroke on a terminal,
// and the numbers alone elsewhere.
type spinner struct {
	o           *Options
	out         *output
	size        int
	done, total int
	shown       int // what the last picture said
	turn        int
	drawn       time.Time
}

func newSpinner(o *Options, out *output) *spinner {
	t := &spinner{o: o, out: out}
	if o.Terminal {
		t.size = max(0, min(60, o.Width-22))
	}
	return t
}

func (t *spinner) start(total int) {
	t.total = total
	t.out.WriteString("\n")
	t.draw()
}

// tick counts an answer. A terminal sees some of the states only, so that a fast
// fleet is not slowed by its picture.
func (t *spinner) tick() {
	if t.total == 0 {
		return
	}
	t.done++
	if now := t.o.Now(); !t.o.Terminal || t.done == t.total || now.Sub(t.drawn) >= redraw {
		t.drawn = now
		t.draw()
	}
}

func (t *spinner) finish() {
	if t.shown < t.done {
		t.draw()
	}
}

func (t *spinner) draw() {
	t.shown = t.done
	if t.size == 0 {
		fmt.Fprintf(t.out, "\r%d / %d", t.done, t.total)
	} else {
		sign := t.o.paint(red, string(`|/-\|/-\`[t.turn%8]))
		if t.done == t.total {
			sign = t.o.paint(green, "*")
		}
		t.turn++
		dashes := min(t.size, int(math.Round(float64(t.done)/float64(t.total)*float64(t.size))))
		fmt.Fprintf(t.out, "\r %s [ %s>%s ] %d / %d", sign, strings.Repeat("=", dashes), blanks(t.size-dashes), t.done, t.total)
	}
	if t.o.Terminal {
		t.out.flush()
	}
}

// redraw is how long a picture on a terminal stays at least.
const redraw = 100 * time.Millisecond

// A bar is the progress display of the other formats. It is erased before
// anything else is printed, and at the end.
type bar struct {
	o                   Options
	w                   io.Writer
	total, got, failed  int
	start, drawn        time.Time
	visible, done, mute bool
}

func newBar(o Options) *bar {
	b := &bar{o: o, start: o.Now()}
	switch {
	case o.Terminal:
		b.w = o.Out
	case o.ErrTerminal:
		b.w = o.Err
	default:
		b.mute = true
	}
	return b
}

// draw counts answers and shows where things stand, unless it just did.
func (b *bar) draw(got, failed int) {
	b.got += got
	b.failed += failed
	now := b.o.Now()
	if b.mute || b.done || b.total == 0 || !b.drawn.IsZero() && now.Sub(b.drawn) < redraw {
		return
	}
	b.drawn = now
	size := max(0, min(40, b.o.Width-44))
	full := min(size, b.got*size/b.total)
	text := fmt.Sprintf("%d/%d  %.1fs", b.got, b.total, now.Sub(b.start).Seconds())
	if size > 0 {
		text = "[" + strings.Repeat("=", full) + blanks(size-full) + "] " + text
	}
	if b.failed > 0 {
		text += "  " + b.o.paint(red, fmt.Sprintf("%d failed", b.failed))
	}
	fmt.Fprintf(b.w, "\r\x1b[K%s", text)
	b.visible = true
}

// hide erases the bar.
func (b *bar) hide() {
	if b.visible {
		b.visible, b.drawn = false, time.Time{}
		fmt.Fprint(b.w, "\r\x1b[K")
	}
}
