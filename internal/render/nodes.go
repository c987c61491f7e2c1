package render

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"mcollective/internal/safetext"
)

// Fold writes names of nodes in short: web1, web2 and web3 are "web[1-3]". Names
// fold where they differ in numbers only; leading zeros are kept. The parts come
// in natural order, with a comma between them, and stand for each name once.
func Fold(names []string) []string {
	shapes := map[string][]foldName{}
	for _, n := range names {
		shape, f := splitName(n)
		shapes[shape] = append(shapes[shape], f)
	}
	var out []foldName
	for _, list := range shapes {
		out = append(out, foldShape(list)...)
	}
	slices.SortFunc(out, func(a, b foldName) int { return compareNames(a, b) })
	text := make([]string, len(out))
	for i, f := range out {
		text[i] = f.String()
	}
	return text
}

// maxDigits is how long a number that folds may be.
const maxDigits = 15

// A foldName is one name, or several that were folded: text and numbers in turn.
type foldName struct {
	text    []string    // len(numbers)+1
	numbers []foldRange // what stands between
}

// A foldRange is a set of numbers that are written with at least so many digits.
type foldRange struct {
	digits int // 0: without leading zeros
	values []int
	text   string // as it is written
}

// splitName takes a name apart; names of one shape may be folded.
func splitName(s string) (string, foldName) {
	var f foldName
	var shape strings.Builder
	start := 0
	for i := 0; i < len(s); {
		j := i
		for j < len(s) && s[j] >= '0' && s[j] <= '9' {
			j++
		}
		if j == i {
			i++
			continue
		}
		if j-i <= maxDigits {
			n, _ := strconv.Atoi(s[i:j])
			f.text = append(f.text, s[start:i])
			fmt.Fprintf(&shape, "%d:%s", i-start, s[start:i])
			f.numbers = append(f.numbers, foldRange{values: []int{n}, text: s[i:j]})
			start = j
		}
		i = j
	}
	f.text = append(f.text, s[start:])
	fmt.Fprintf(&shape, "%d:%s", len(s)-start, s[start:])
	return shape.String(), f
}

// foldShape folds names of one shape as far as it can: position by position,
// from the end and from the beginning, whichever gives less.
func foldShape(list []foldName) []foldName {
	positions := len(list[0].numbers)
	for at := range positions {
		settleDigits(list, at)
	}
	best := list
	for _, backwards := range []bool{false, true} {
		folded := list
		for i := range positions {
			at := i
			if backwards {
				at = positions - 1 - i
			}
			folded = foldAt(folded, at)
		}
		if !backwards || len(folded) < len(best) {
			best = folded
		}
	}
	if positions == 0 {
		best = foldAt(list, 0)
	}
	return best
}

// settleDigits decides which numbers at a position are padded: those of a length
// that one of them needs a zero for.
func settleDigits(list []foldName, at int) {
	padded := map[int]bool{}
	for _, f := range list {
		if t := f.numbers[at].text; len(t) > 1 && t[0] == '0' {
			padded[len(t)] = true
		}
	}
	for _, f := range list {
		if n := len(f.numbers[at].text); padded[n] {
			f.numbers[at].digits = n
		}
	}
}

// foldAt joins the names that differ at one position only.
func foldAt(list []foldName, at int) []foldName {
	index := map[string]int{}
	var out []foldName
	for _, f := range list {
		var key strings.Builder
		for i, n := range f.numbers {
			if i == at {
				fmt.Fprintf(&key, "%d\x01", n.digits)
			} else {
				key.WriteString(n.text + "\x00")
			}
		}
		if i, ok := index[key.String()]; ok {
			if len(f.numbers) > 0 {
				out[i].numbers[at].values = append(out[i].numbers[at].values, f.numbers[at].values...)
			}
			continue
		}
		index[key.String()] = len(out)
		f.numbers = slices.Clone(f.numbers)
		if len(f.numbers) > 0 {
			f.numbers[at].values = slices.Clone(f.numbers[at].values)
		}
		out = append(out, f)
	}
	for i := range out {
		if len(out[i].numbers) > 0 {
			out[i].numbers[at].write()
		}
	}
	return out
}

// write settles how the numbers are written: 7, or [1-3,7].
func (r *foldRange) write() {
	slices.Sort(r.values)
	r.values = slices.Compact(r.values)
	if len(r.values) == 1 {
		return
	}
	var b strings.Builder
	for i := 0; i < len(r.values); {
		j := i
		for j+1 < len(r.values) && r.values[j+1] == r.values[j]+1 {
			j++
		}
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%0*d", r.digits, r.values[i])
		if j > i {
			fmt.Fprintf(&b, "-%0*d", r.digits, r.values[j])
		}
		i = j + 1
	}
	r.text = "[" + b.String() + "]"
}

func (f foldName) String() string {
	var b strings.Builder
	for i, t := range f.text {
		b.WriteString(t)
		if i < len(f.numbers) {
			b.WriteString(f.numbers[i].text)
		}
	}
	return b.String()
}

// compareNames is natural order: by text, and by the lowest number.
func compareNames(a, b foldName) int {
	for i := 0; i < len(a.text) && i < len(b.text); i++ {
		if c := cmp.Compare(a.text[i], b.text[i]); c != 0 {
			return c
		}
		if i < len(a.numbers) && i < len(b.numbers) {
			if c := cmp.Or(cmp.Compare(a.numbers[i].values[0], b.numbers[i].values[0]), cmp.Compare(a.numbers[i].text, b.numbers[i].text)); c != 0 {
				return c
			}
		}
	}
	return cmp.Compare(len(a.text), len(b.text))
}

// maxNodeLines is how many lines of names are shown unless the user wants all.
const maxNodeLines = 8

// nodes returns a folded list that begins in a column and is broken at the width of
// the terminal. What is not shown is counted.
func (r *Results) nodes(names []string, column int) string {
	parts := Fold(names)
	for i := range parts {
		parts[i] = safetext.CleanLine(parts[i])
	}
	if !r.o.Terminal {
		return strings.Join(parts, ",")
	}
	var b strings.Builder
	at, lines := column, 1
	for i, p := range parts {
		n := utf8.RuneCountInString(p) + 1
		if i > 0 && at+n > r.o.Width {
			if lines == maxNodeLines && !r.o.Verbose {
				fmt.Fprintf(&b, " and %d more (-v shows all)", len(parts)-i)
				break
			}
			b.WriteString("\n   ")
			at = 3
			lines++
		}
		b.WriteString(p)
		if i < len(parts)-1 {
			b.WriteByte(',')
		}
		at += n
	}
	return b.String()
}
