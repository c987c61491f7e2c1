package marshal

import "hash/maphash"

// A table numbers strings. It is a small open hash table that is quick to clear,
// since each encoding starts with an empty one.
type table struct {
	seed    maphash.Seed
	entries []entry
	hashed  bool
	slots   []int32 // index+1 into entries; 0 is free; a power of two
}

type entry struct {
	text   string
	kind   byte
	number int
}

// fewEntries is up to how many a search beats hashing.
const fewEntries = 8

// find returns the number of the string, of the kind, that was added before. If
// there is none it adds it with the given number.
func (t *table) find(s string, kind byte, number int) (int, bool) {
	if !t.hashed {
		for i := range t.entries {
			if e := &t.entries[i]; e.text == s && e.kind == kind {
				return e.number, true
			}
		}
		t.entries = append(t.entries, entry{s, kind, number})
		if len(t.entries) > fewEntries {
			t.grow()
		}
		return number, false
	}
	if 2*len(t.entries) >= len(t.slots) {
		t.grow()
	}
	at := t.probe(s, kind)
	if i := t.slots[at]; i != 0 {
		return t.entries[i-1].number, true
	}
	t.entries = append(t.entries, entry{s, kind, number})
	t.slots[at] = int32(len(t.entries))
	return number, false
}

// probe returns the place of the string or the free one where it belongs.
func (t *table) probe(s string, kind byte) uint64 {
	mask := uint64(len(t.slots) - 1)
	at := maphash.String(t.seed, s) & mask
	for {
		i := t.slots[at]
		if i == 0 {
			return at
		}
		if e := &t.entries[i-1]; e.text == s && e.kind == kind {
			return at
		}
		at = (at + 1) & mask
	}
}

func (t *table) grow() {
	if t.seed == (maphash.Seed{}) {
		t.seed = maphash.MakeSeed()
	}
	size := 64
	for size < 4*len(t.entries) {
		size *= 2
	}
	if cap(t.slots) >= size {
		t.slots = t.slots[:size]
		clear(t.slots)
	} else {
		t.slots = make([]int32, size)
	}
	t.hashed = true
	for i := range t.entries {
		t.slots[t.probe(t.entries[i].text, t.entries[i].kind)] = int32(i + 1)
	}
}

func (t *table) reset() {
	clear(t.entries)
	t.entries = t.entries[:0]
	t.hashed = false
	if cap(t.entries) > keepTable {
		t.entries, t.slots = nil, nil
	}
}
