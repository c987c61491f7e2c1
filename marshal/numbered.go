package marshal

import "slices"

// An object is an entry of the object table, which links refer to by number.
type object struct {
	value any
	size  int // values in it after expansion; 0 while it is being read
}

// A symbol is an entry of the symbol table.
type symbol struct {
	name  string
	value any // Symbol or EncodedSymbol, boxed once; nil while its encoding is being read
}

const (
	chunkBits  = 6
	chunkSize  = 1 << chunkBits
	keepChunks = 16 // how many pieces an empty list keeps for the next input
)

// A numbered list grows by pieces, so that it never copies, takes no more
// memory than it needs, and its entries stay where they are.
type numbered[T any] struct {
	chunks []*[chunkSize]T
	n      int
}

func (l *numbered[T]) add(v T) *T {
	if l.n == len(l.chunks)*chunkSize {
		l.chunks = append(l.chunks, new([chunkSize]T))
	}
	l.n++
	p := l.at(l.n - 1)
	*p = v
	return p
}

func (l *numbered[T]) at(i int) *T { return &l.chunks[i>>chunkBits][i&(chunkSize-1)] }

func (l *numbered[T]) reset() {
	for i, left := 0, l.n; left > 0 && i < keepChunks; i++ {
		clear(l.chunks[i][:min(left, chunkSize)])
		left -= chunkSize
	}
	if len(l.chunks) > keepChunks {
		l.chunks = slices.Clone(l.chunks[:keepChunks])
	}
	l.n = 0
}
