package client

import (
	"math/rand/v2"
	"slices"
)

// A Limit is a subset of the nodes that were found.
type Limit struct {
	Count   int     // so many; 0 means all
	Percent float64 // or this share, rounded down and at least one
	Random  bool    // any of them rather than the first

	// Seed makes a random choice the same each time, whatever the order of the
	// nodes, and the same as Ruby's --limit-seed of this number.
	Seed *uint64
}

// Size returns how many of n nodes the limit leaves.
func (l Limit) Size(n int) int {
	switch {
	case l.Percent > 0:
		return min(n, max(1, int(float64(n)*(l.Percent/100))))
	case l.Count > 0:
		return min(n, l.Count)
	}
	return n
}

// Pick returns those nodes that the limit leaves: the first, or any in random
// order; or all, as they are.
func (l Limit) Pick(nodes []string) []string {
	n := l.Size(len(nodes))
	if n == len(nodes) || !l.Random {
		return nodes[:n:n]
	}
	draw := rand.IntN
	left := slices.Clone(nodes)
	if l.Seed != nil {
		slices.Sort(left)
		draw = newTwister(*l.Seed).intN
	}
	picked := make([]string, n)
	for i := range picked {
		k := draw(len(left))
		picked[i] = left[k]
		left = slices.Delete(left, k, k+1)
	}
	return picked
}

// A twister draws the numbers that Ruby's rand(n) does after srand(seed): those of
// the Mersenne Twister MT19937.
type twister struct {
	state [624]uint32
	next  int
}

// newTwister seeds a twister as Ruby does: by the 32-bit words of the seed, and in
// the older way if there is only one. Ruby takes a highest word of 1 for a mark
// of its own and drops it.
func newTwister(seed uint64) *twister {
	t := &twister{}
	words := []uint32{uint32(seed), uint32(seed >> 32)}
	if words[1] <= 1 {
		t.fill(words[0])
		return t
	}
	t.fill(19650218)
	s := &t.state
	i, j := 1, 0
	// The state is a ring whose first word is a copy of the last.
	step := func() {
		if i++; i == len(s) {
			s[0], i = s[len(s)-1], 1
		}
	}
	for range s {
		s[i] = (s[i] ^ (s[i-1]^s[i-1]>>30)*1664525) + words[j] + uint32(j)
		j = (j + 1) % len(words)
		step()
	}
	for range len(s) - 1 {
		s[i] = (s[i] ^ (s[i-1]^s[i-1]>>30)*1566083941) - uint32(i)
		step()
	}
	s[0] = 1 << 31
	return t
}

func (t *twister) fill(seed uint32) {
	t.state[0] = seed
	for i := 1; i < len(t.state); i++ {
		last := t.state[i-1]
		t.state[i] = 1812433253*(last^last>>30) + uint32(i)
	}
	t.next = len(t.state)
}

func (t *twister) uint32() uint32 {
	s := &t.state
	if t.next == len(s) {
		for i := range s {
			y := s[i]&(1<<31) | s[(i+1)%len(s)]&(1<<31-1)
			s[i] = s[(i+397)%len(s)] ^ y>>1 ^ y&1*0x9908b0df
		}
		t.next = 0
	}
	y := s[t.next]
	t.next++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

// intN returns a number below n, which is positive and fits into 32 bits: the first
// that comes with no more bits than n-1 has, and is small enough.
func (t *twister) intN(n int) int {
	most := uint32(n - 1)
	if most == 0 {
		return 0
	}
	mask := most
	for shift := 1; shift < 32; shift *= 2 {
		mask |= mask >> shift
	}
	for {
		if v := t.uint32() & mask; v <= most {
			return int(v)
		}
	}
}
