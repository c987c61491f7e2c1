package marshal

import (
	"math"
	"math/big"
	"math/rand/v2"

	"mcollective/value"
)

// A maker makes random Go values of the kinds that decoding into any gives,
// such that Ruby, having loaded them, dumps the same bytes.
type maker struct {
	r      *rand.Rand
	shared []any
}

func newMaker(seed uint64) *maker { return &maker{r: rand.New(rand.NewPCG(seed, 0))} }

var words = []string{"agent", "rpcutil", "a", "b", "E", "encoding", "größe", "世界", "fact", ""}

func (m *maker) value(depth int) any {
	if len(m.shared) > 0 && m.r.IntN(12) == 0 {
		return m.shared[m.r.IntN(len(m.shared))]
	}
	n := 16
	if depth > 5 {
		n = 10
	}
	switch m.r.IntN(n) {
	case 0:
		return nil
	case 1:
		return m.r.IntN(2) == 0
	case 2, 3:
		return m.integer()
	case 4:
		return m.float()
	case 5:
		return m.text()
	case 6:
		return value.Binary(m.text())
	case 7:
		return value.Symbol(words[m.r.IntN(len(words))])
	case 8:
		return m.word()
	case 9:
		return m.big()
	case 10, 11:
		a := make([]any, m.r.IntN(9))
		for i := range a {
			a[i] = m.value(depth + 1)
		}
		return a
	case 12, 13, 14:
		return m.share(m.hash(depth))
	default:
		return m.object(depth)
	}
}

func (m *maker) share(v any) any {
	if m.r.IntN(3) == 0 {
		m.shared = append(m.shared, v)
	}
	return v
}

func (m *maker) word() string { return words[m.r.IntN(len(words))] }

func (m *maker) text() string {
	b := make([]byte, []int{0, 1, 5, 20, 122, 123, 300}[m.r.IntN(7)])
	for i := range b {
		b[i] = byte(m.r.Uint32())
	}
	return string(b)
}

func (m *maker) integer() int64 {
	return int64(m.r.Uint64()) >> m.r.IntN(64)
}

func (m *maker) big() any {
	x := new(big.Int).SetUint64(m.r.Uint64() | 1<<63)
	x.Lsh(x, uint(1+m.r.IntN(200)))
	if m.r.IntN(2) == 0 {
		x.Neg(x)
	}
	return m.share(x)
}

func (m *maker) float() float64 {
	switch m.r.IntN(4) {
	case 0:
		return math.Float64frombits(m.r.Uint64())
	case 1:
		return float64(m.r.IntN(100000)) / 100
	case 2:
		return []float64{0, math.Copysign(0, -1), 1, math.Inf(1), math.Inf(-1), math.NaN(), 5e-324}[m.r.IntN(7)]
	}
	return math.Ldexp(1, m.r.IntN(2000)-1000)
}

func (m *maker) hash(depth int) *value.Map {
	h := value.NewMap()
	for range m.r.IntN(14) {
		var key any
		switch m.r.IntN(6) {
		case 0:
			key = m.integer()
		case 1:
			key = m.text()
		case 2:
			key = value.Binary(m.word())
		case 3:
			key = m.word()
		case 4:
			key = m.float()
		default:
			key = value.Symbol(m.word())
		}
		h.Set(key, m.value(depth+1))
	}
	if m.r.IntN(8) == 0 {
		h.Default = m.value(depth + 1)
	}
	return h
}

func (m *maker) object(depth int) any {
	switch m.r.IntN(6) {
	case 0:
		return m.share(value.NewRegexp([]string{"^a.*z$", "/etc/.+", "größe", ""}[m.r.IntN(4)], m.r.IntN(8)))
	case 1:
		return m.share(&value.String{Bytes: "gr\xf6\xdfe", Encoding: []string{"ISO-8859-1", "Windows-1252"}[m.r.IntN(2)]})
	case 2:
		return m.share(&value.Struct{Class: "InteropPoint", Members: []value.Ivar{{Name: "x", Value: m.value(depth + 1)}, {Name: "y", Value: m.value(depth + 1)}}})
	case 3:
		return m.share(&value.Object{Class: "InteropUser", Ivars: []value.Ivar{{Name: "@name", Value: m.value(depth + 1)}, {Name: "@größe", Value: m.word()}}})
	case 4:
		return m.share(&value.Array{Items: []any{m.value(depth + 1)}, Extra: &value.Extra{Class: "InteropArray", Extended: []value.Symbol{"InteropMixin"}}})
	}
	return m.share(&value.UserMarshal{Class: "InteropMarshal", Value: []any{m.value(depth + 1)}})
}

// mutate returns b with a few random changes, not in its header.
func mutate(r *rand.Rand, b, other []byte) []byte {
	b = append([]byte(nil), b...)
	for range 1 + r.IntN(3) {
		if len(b) < 4 {
			return b
		}
		i := 2 + r.IntN(len(b)-2)
		switch r.IntN(7) {
		case 0:
			b[i] ^= 1 << r.IntN(8)
		case 1:
			b[i] = byte(r.Uint32())
		case 2:
			b[i] = `0TFil"f:;@[{}/IeCoSuUdcmM`[r.IntN(25)]
		case 3:
			b[i]++
		case 4:
			b[i]--
		case 5:
			b = append(b[:i], b[i+1:]...)
		case 6: // graft a piece of another
			if len(other) > 4 {
				j := 2 + r.IntN(len(other)-2)
				k := j + r.IntN(min(12, len(other)-j))
				b = append(b[:i:i], append(append([]byte(nil), other[j:k]...), b[i:]...)...)
			}
		}
	}
	return b
}
