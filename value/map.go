package value

import "iter"

// A Pair is one entry of a [Map].
type Pair struct{ Key, Value any }

// A Map is a Ruby hash: pairs in order, with keys of any kind.
//
// Keys are compared as Ruby compares them: a symbol is never a string, 1 is not
// 1.0, and a Binary is the string with the same bytes if these are ASCII. Get,
// Set and Delete look through the pairs one by one, which suits hashes of
// messages; for many look-ups in a large one, build a Go map with All.
type Map struct {
	Pairs   []Pair
	Default any // what Ruby returns for a missing key; nil: none
	Extra   *Extra
}

// NewMap returns a hash of alternating keys and values: NewMap(k1, v1, k2, v2).
// A last key without a value gets nil.
func NewMap(kv ...any) *Map {
	h := &Map{Pairs: make([]Pair, 0, (len(kv)+1)/2)}
	for i := 0; i < len(kv); i += 2 {
		p := Pair{Key: kv[i]}
		if i+1 < len(kv) {
			p.Value = kv[i+1]
		}
		h.Pairs = append(h.Pairs, p)
	}
	return h
}

// Len returns the number of pairs. A nil *Map has none.
func (h *Map) Len() int {
	if h == nil {
		return 0
	}
	return len(h.Pairs)
}

// Get returns the value under key and whether it is there. It does not consult
// Default.
func (h *Map) Get(key any) (any, bool) {
	if i := h.index(key); i >= 0 {
		return h.Pairs[i].Value, true
	}
	return nil, false
}

// Set stores value under key: in the place of an equal key, or at the end.
func (h *Map) Set(key, value any) {
	if i := h.index(key); i >= 0 {
		h.Pairs[i].Value = value
		return
	}
	h.Pairs = append(h.Pairs, Pair{key, value})
}

// Delete removes key and reports whether it was there.
func (h *Map) Delete(key any) bool {
	i := h.index(key)
	if i < 0 {
		return false
	}
	h.Pairs = append(h.Pairs[:i], h.Pairs[i+1:]...)
	return true
}

// All yields the pairs in order.
func (h *Map) All() iter.Seq2[any, any] {
	return func(yield func(any, any) bool) {
		if h == nil {
			return
		}
		for _, p := range h.Pairs {
			if !yield(p.Key, p.Value) {
				return
			}
		}
	}
}

func (h *Map) index(key any) int {
	if h == nil {
		return -1
	}
	for i := range h.Pairs {
		if Equal(h.Pairs[i].Key, key) {
			return i
		}
	}
	return -1
}
