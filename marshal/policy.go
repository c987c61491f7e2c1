package marshal

// A Policy bounds what is decoded. The zero value is as strict as
// [BodyPolicy]; a limit of 0 takes BodyPolicy's number. Copy one of the
// variables below to change it. A Policy is safe for concurrent use as long as
// nobody changes it.
//
// The memory that a decode hands out is at most 2 bytes per byte of input and
// 96 per value. Values are counted as they come in the input, names of classes
// and variables among them; a link counts as one value, and against
// MaxExpansion as many as it refers to.
type Policy struct {
	MaxBytes       int // of the whole input
	MaxDepth       int // of nesting; never more than 10,000
	MaxValues      int // of all kinds, keys included
	MaxSymbols     int // distinct ones
	MaxSymbolBytes int // of one symbol or class name
	MaxBignumBytes int // of one integer's magnitude
	MaxExpansion   int // values after every link is replaced by what it refers to

	// AllowObjects lets classes, modules, structs, objects, subclasses, extended
	// objects, instance variables and symbols in odd encodings through, all as
	// inert values.
	AllowObjects bool
	// AllowNonFinite lets inf, -inf and nan through.
	AllowNonFinite bool
	// AllowDuplicateKeys lets the last value of a repeated key win, in the first
	// one's place, as in Ruby.
	AllowDuplicateKeys bool
	// AllowAnyKey lets arrays, hashes and objects be hash keys; otherwise they
	// must be nil, booleans, numbers, strings or symbols.
	AllowAnyKey bool
	// AllowCycles puts a [value.Cycle] where an object refers to itself. It does not
	// matter to a [Value], which can always hold cycles.
	AllowCycles bool
	// AllowOldMinor accepts the formats 4.0 to 4.7, as Ruby does.
	AllowOldMinor bool
	// AllowTerminator accepts one newline or NUL after the value, which STOMP
	// frames without a content-length can leave.
	AllowTerminator bool
}

// The policies for the three kinds of message that a collective exchanges, and
// the one that the functions of this package use.
var (
	// EnvelopePolicy is for the outer hash of a request, which carries its body
	// as one binary string.
	EnvelopePolicy = Policy{MaxBytes: 256<<10 + 1<<20, MaxDepth: 8, MaxValues: 4096, MaxSymbols: 64,
		MaxSymbolBytes: 256, MaxBignumBytes: 64, MaxExpansion: 4096}

	// BodyPolicy is for the body of a request.
	BodyPolicy = Policy{MaxBytes: 1 << 20, MaxDepth: 64, MaxValues: 65536, MaxSymbols: 1024,
		MaxSymbolBytes: 256, MaxBignumBytes: 64, MaxExpansion: 65536}

	// ReplyPolicy is for replies, both the outer hash and the body: whatever an
	// agent put in, the rest of its answer stays readable.
	ReplyPolicy = Policy{MaxBytes: 8 << 20, MaxDepth: 64, MaxValues: 262144, MaxSymbols: 4096,
		MaxSymbolBytes: 256, MaxBignumBytes: 64, MaxExpansion: 262144,
		AllowObjects: true, AllowNonFinite: true, AllowDuplicateKeys: true, AllowAnyKey: true, AllowCycles: true}

	// DefaultPolicy is for data of which only the sender is trusted not to be
	// absurd. It accepts all of Marshal except cycles.
	DefaultPolicy = Policy{MaxBytes: 64 << 20, MaxDepth: 1000, MaxValues: 4 << 20, MaxSymbols: 65536,
		MaxSymbolBytes: 64 << 10, MaxBignumBytes: 1 << 20, MaxExpansion: 16 << 20,
		AllowObjects: true, AllowNonFinite: true, AllowDuplicateKeys: true, AllowAnyKey: true}
)

// hardDepth caps MaxDepth: decoding is recursive, and a goroutine's stack is
// not for an outsider to fill.
const hardDepth = 10000

// withDefaults returns p with each limit of 0 replaced.
func (p Policy) withDefaults() Policy {
	b := &BodyPolicy
	for _, f := range [...]struct {
		v *int
		d int
	}{
		{&p.MaxBytes, b.MaxBytes}, {&p.MaxDepth, b.MaxDepth}, {&p.MaxValues, b.MaxValues},
		{&p.MaxSymbols, b.MaxSymbols}, {&p.MaxSymbolBytes, b.MaxSymbolBytes},
		{&p.MaxBignumBytes, b.MaxBignumBytes}, {&p.MaxExpansion, b.MaxExpansion},
	} {
		if *f.v == 0 {
			*f.v = f.d
		}
	}
	p.MaxDepth = min(p.MaxDepth, hardDepth)
	return p
}
