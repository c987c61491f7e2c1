package marshal

import (
	"hash/maphash"
	"math"
	"math/big"

	"mcollective/value"
)

// isScalar reports whether a decoded value is a key that needs no look inside.
func isScalar(k any) bool {
	switch k.(type) {
	case nil, bool, int64, float64, string, value.Symbol, value.Binary, value.EncodedSymbol, *value.String, *value.Float, *big.Int:
		return true
	}
	return false
}

// keySet finds repeated keys. Its hash is seeded, so that nobody outside can
// choose keys that collide.
type keySet struct {
	seed    maphash.Seed
	slots   []int32 // index+1 into the pairs; 0 is free
	shallow bool    // keys may hold cycles: only scalars are compared
}

// skips reports whether a key takes no part: NaN is equal to nothing, yet all
// NaNs look alike to a hash.
func (s *keySet) skips(k any) bool {
	switch k := k.(type) {
	case float64:
		return k != k
	case *value.Float:
		return k.Value != k.Value
	}
	return s.shallow && !isScalar(k)
}

// fewKeys is up to how many keys comparing with each other is quickest.
const fewKeys = 16

// firstRepeat returns the index of the first pair whose key an earlier pair
// has, or -1.
func (s *keySet) firstRepeat(pairs []value.Pair) int {
	if len(pairs) <= fewKeys {
		return s.firstOfFew(pairs)
	}
	s.reset(len(pairs))
	for i := range pairs {
		if s.add(pairs, i) != i {
			return i
		}
	}
	return -1
}

// firstOfFew compares only keys that look alike: most pairs of keys do not.
func (s *keySet) firstOfFew(pairs []value.Pair) int {
	var looks uint64
	for i := range pairs {
		bit := uint64(1) << look(pairs[i].Key)
		if looks&bit != 0 && !s.skips(pairs[i].Key) {
			for j := range i {
				if value.Equal(pairs[i].Key, pairs[j].Key) {
					return i
				}
			}
		}
		looks |= bit
	}
	return -1
}

// look returns a number below 64 that is the same for equal keys.
func look(k any) uint {
	text := ""
	switch k := k.(type) {
	case value.Symbol:
		text = string(k)
	case string:
		text = k
	case value.Binary:
		text = string(k)
	case *value.String:
		text = k.Bytes
	case int64:
		return uint(k) & 63
	}
	return uint(quickHash(text)) & 63
}

// merge drops repeated keys: the first place and the last value stay.
func (s *keySet) merge(pairs []value.Pair) []value.Pair {
	s.reset(len(pairs))
	out := pairs[:0]
	for _, p := range pairs {
		out = append(out, p)
		last := len(out) - 1
		if j := s.add(out, last); j != last {
			out[j].Value = p.Value
			out = out[:last]
		}
	}
	clear(pairs[len(out):])
	return out
}

func (s *keySet) reset(n int) {
	if s.seed == (maphash.Seed{}) {
		s.seed = maphash.MakeSeed()
	}
	size := 16
	for size < 2*n {
		size *= 2
	}
	if cap(s.slots) < size {
		s.slots = make([]int32, size)
		return
	}
	s.slots = s.slots[:size]
	clear(s.slots)
}

// add enters the key of pairs[i] and returns the index of the pair that holds
// it, which is i if the key is new.
func (s *keySet) add(pairs []value.Pair, i int) int {
	key := pairs[i].Key
	if s.skips(key) {
		return i
	}
	mask := uint64(len(s.slots) - 1)
	for h := s.hash(key) & mask; ; h = (h + 1) & mask {
		j := int(s.slots[h]) - 1
		if j < 0 {
			s.slots[h] = int32(i + 1)
			return i
		}
		if value.Equal(pairs[j].Key, key) {
			return j
		}
	}
}

const mix = 0x9e3779b97f4a7c15 // spreads what is combined; any odd number would do

func (s *keySet) hash(k any) uint64 {
	switch k := k.(type) {
	case value.Symbol:
		return maphash.String(s.seed, string(k)) * mix
	case string, value.Binary, *value.String:
		t, _, _ := value.Text(k)
		return maphash.String(s.seed, t)
	case *big.Int:
		return maphash.Bytes(s.seed, k.Bytes())
	case *value.Float:
		return s.hash(k.Value)
	case float64:
		if k == 0 {
			k = 0 // -0.0 is the same key
		}
		return maphash.Comparable(s.seed, math.Float64bits(k))
	case *value.Regexp:
		return maphash.String(s.seed, k.Source) * mix
	case []any:
		return s.hashItems(k)
	case *value.Array:
		return s.hashItems(k.Items)
	case *value.Map:
		h := uint64(k.Len())
		for _, p := range k.Pairs {
			h = (h*mix^s.hash(p.Key))*mix ^ s.hash(p.Value)
		}
		return h
	}
	return maphash.Comparable(s.seed, k)
}

func (s *keySet) hashItems(items []any) uint64 {
	h := uint64(len(items)) + 1
	for _, v := range items {
		h = h*mix ^ s.hash(v)
	}
	return h
}
