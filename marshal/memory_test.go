package marshal

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

// greedy are the inputs that take the most memory for their length: many of the
// smallest form of each kind of value.
func greedy(n int) map[string]string {
	list := func(first, rest string) string {
		return "\x04\x08[" + string(appendLong(nil, int64(n))) + first + strings.Repeat(rest, n-1)
	}
	pairs := func(pair func(i int) string) string {
		var b strings.Builder
		b.WriteString("\x04\x08{")
		b.Write(appendLong(nil, int64(n)))
		for i := range n {
			b.WriteString(pair(i))
		}
		return b.String()
	}
	number := func(i int) string { return "i" + string(appendLong(nil, int64(i))) }
	symbols := strings.Builder{}
	symbols.WriteString("\x04\x08[" + string(appendLong(nil, 1000)))
	for i := range 1000 {
		fmt.Fprintf(&symbols, ":\x08%03d", i)
	}
	return map[string]string{
		"nil":              list("0", "0"),
		"integers":         list("i\x02\xe8\x03", "i\x02\xe8\x03"),
		"bignums":          list("l+\x09aaaaaaaa", "l+\x09aaaaaaaa"),
		"small bignums":    list("l+\x06a\x00", "l+\x06a\x00"),
		"large bignums":    list("l+\x0baaaaaaaaaaaa", "l+\x0baaaaaaaaaaaa"),
		"floats":           list("f\x061", "f\x061"),
		"binary strings":   list("\"\x00", "\"\x00"),
		"strings":          list("I\"\x00\x06:\x06ET", "I\"\x00\x06;\x00T"),
		"encoded strings":  list("I\"\x00\x06:\x0dencoding\"\x06A", "I\"\x00\x06;\x00@\x07"),
		"string variables": list("I\"\x00\x06:\x06a0", "I\"\x00\x06;\x000"),
		"symbols":          symbols.String(),
		"symlinks":         list(":\x06a", ";\x00"),
		"links":            list("[\x00", "@\x06"),
		"arrays":           list("[\x00", "[\x00"),
		"arrays of one":    list("[\x060", "[\x060"),
		"wrapped arrays":   list("I[\x00\x00", "I[\x00\x00"),
		"array variables":  list("I[\x00\x06:\x06a0", "I[\x00\x06;\x000"),
		"user arrays":      list("C:\x06A[\x00", "C;\x00[\x00"),
		"extended arrays":  list("e:\x06A[\x00", "e;\x00[\x00"),
		"hashes":           list("{\x00", "{\x00"),
		"hashes of one":    list("{\x0600", "{\x0600"),
		"hashes of two":    list("{\x07T0T0", "{\x07T0T0"),
		"default hashes":   list("}\x00T", "}\x00T"),
		"keys":             pairs(func(i int) string { return number(i) + "0" }),
		"repeated keys":    pairs(func(i int) string { return number(i/2) + "0" }),
		"regexps":          list("/\x00\x00", "/\x00\x00"),
		"objects":          list("o:\x06A\x00", "o;\x00\x00"),
		"objects of one":   list("o:\x06A\x06;\x000", "o;\x00\x06;\x000"),
		"structs":          list("S:\x06A\x00", "S;\x00\x00"),
		"user dumps":       list("u:\x06A\x00", "u;\x00\x00"),
		"user marshals":    list("U:\x06A0", "U;\x000"),
		"data":             list("d:\x06A0", "d;\x000"),
		"classes":          list("c\x00", "c\x00"),
		"claims":           "\x04\x08[" + string(appendLong(nil, int64(n))) + strings.Repeat("0", n-1),
		"nested claims":    "\x04\x08" + strings.Repeat("["+string(appendLong(nil, int64(n/70))), 60) + strings.Repeat("0", n),
	}
}

// allocated returns how many bytes f allocates, garbage included.
func allocated(f func()) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	least := ^uint64(0)
	for range 3 { // the first fills the pools, and any can lose them to another goroutine
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

// The bound that Policy states: 2 bytes per byte of input and 96 per value, on
// all that is allocated, whether it is kept or not.
func TestMemoryBound(t *testing.T) {
	const n = 5000
	const slack = 4 << 10                           // what a decode takes however small the input
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // pools are per processor
	policy := ReplyPolicy
	for name, in := range greedy(n) {
		for _, tree := range []bool{false, true} {
			var values int
			d := &decoder{known: new(interner)}
			d.tree, d.keys.shallow, d.policy = tree, tree, policy.withDefaults()
			d.in, d.pos = in, 2
			d.value()
			values = d.values
			if d.err != nil { // what was allocated for the claim counts as there
				values = max(values, min(policy.MaxValues, len(in)))
			}
			got := allocated(func() { policy.decode(strings.Clone(in), tree) })
			bound := 2*uint64(len(in)) + 96*uint64(values) + slack
			if testing.Verbose() && !tree {
				t.Logf("%-17s %7d bytes in, %6d values: %5.1f bytes per byte, %5.1f per value, %3.0f%% of the bound",
					name, len(in), values, float64(got)/float64(len(in)), float64(got)/float64(values), 100*float64(got)/float64(bound))
			}
			if got > bound {
				t.Errorf("%s, tree %v: %d bytes for %d of input and %d values, bound %d", name, tree, got, len(in), values, bound)
			}
		}
	}
}

// A captured message takes a small multiple of its length.
func TestMemoryOfMessage(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, name := range []string{"ping.request.bin", "inventory.reply.bin"} {
		in := captured(t, name)
		got := allocated(func() {
			if _, err := ReplyPolicy.Unmarshal(in); err != nil {
				t.Fatal(err)
			}
		})
		t.Logf("%s: %d bytes in, %d allocated: %.1f per byte", name, len(in), got, float64(got)/float64(len(in)))
		if got > 12*uint64(len(in)) {
			t.Errorf("%s: %d bytes allocated for %d", name, got, len(in))
		}
	}
}
