package marshal

import "strings"

import "mcollective/value"

// An interner keeps short strings and symbols that come again in the next
// message. Messages of one kind share keys, and those from the nodes of one
// collective most of their values; to put a string into an any costs an
// allocation each, and such a string keeps the whole input in memory.
//
// It lives in a pooled decoder, is small, and takes only what it sees a second
// time, so that a flood of new strings costs little more than without it.
type interner struct {
	sets [256]internSet
}

// An internSet holds the two latest strings of one hash value modulo 256.
type internSet struct {
	seen   uint32 // hash of the latest string that was not here
	turn   uint8  // which entry goes next
	values [2]any // string or Symbol
}

// maxInterned is up to how many bytes a string is worth keeping.
const maxInterned = 32

// text returns s as an any that holds a string.
func (t *interner) text(s string) any {
	if len(s) > maxInterned {
		return s
	}
	set, h := t.set(s)
	for i := range set.values {
		if v, ok := set.values[i].(string); ok && v == s {
			return set.values[i]
		}
	}
	if set.seen != h {
		set.seen = h
		return s
	}
	return set.keep(strings.Clone(s))
}

// symbol returns s as an any that holds a Symbol.
func (t *interner) symbol(s string) any {
	if len(s) > maxInterned {
		return value.Symbol(s)
	}
	set, h := t.set(s)
	for i := range set.values {
		if v, ok := set.values[i].(value.Symbol); ok && string(v) == s {
			return set.values[i]
		}
	}
	if set.seen != ^h {
		set.seen = ^h
		return value.Symbol(s)
	}
	return set.keep(value.Symbol(strings.Clone(s)))
}

func (t *interner) set(s string) (*internSet, uint32) {
	h := quickHash(s)
	return &t.sets[h%uint32(len(t.sets))], h
}

// quickHash looks at twelve bytes at most. It is not for tables whose speed an
// outsider must not be able to spoil.
func quickHash(s string) uint32 {
	n := len(s)
	h := uint32(n) * 0x9e3779b1
	if n >= 4 {
		h ^= load32(s, 0) * 0x85ebca6b
		h ^= load32(s, n/2-2) * 0xc2b2ae35
		h ^= load32(s, n-4) * 0x27d4eb2f
	} else {
		for i := range n {
			h = (h ^ uint32(s[i])) * 0x01000193
		}
	}
	h ^= h >> 15
	h *= 0x2c1b3c6d
	return h ^ h>>13
}

func load32(s string, i int) uint32 {
	s = s[i : i+4]
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

func (s *internSet) keep(v any) any {
	s.values[s.turn&1] = v
	s.turn++
	return v
}
