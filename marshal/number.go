package marshal

import (
	"math"
	"math/big"
	"math/bits"
	"strconv"
)

const (
	minFixnum = -1 << 30
	maxFixnum = 1<<30 - 1

	maxFloatText = 32 // Ruby needs 24
)

// appendLong writes the variable form of integers that [decoder.long] reads. x
// has at most 32 bits of magnitude.
func appendLong(b []byte, x int64) []byte {
	switch {
	case x == 0:
		return append(b, 0)
	case 0 < x && x < 123:
		return append(b, byte(x+5))
	case -124 < x && x < 0:
		return append(b, byte(x-5))
	}
	at := len(b)
	b = append(b, 0)
	n := int8(0)
	rest := int64(0)
	if x < 0 {
		rest = -1
	}
	for x != rest {
		b = append(b, byte(x))
		x >>= 8
		n++
	}
	if rest < 0 {
		n = -n
	}
	b[at] = byte(n)
	return b
}

// appendBignum writes an integer that is no fixnum: its sign, and its magnitude
// in little-endian units of two bytes.
func appendBignum(b []byte, negative bool, mag uint64) []byte {
	b = append(b, typeBignum, sign(negative))
	units := (bits.Len64(mag) + 15) / 16
	b = appendLong(b, int64(units))
	for range 2 * units {
		b = append(b, byte(mag))
		mag >>= 8
	}
	return b
}

func appendBig(b []byte, x *big.Int) []byte {
	b = append(b, typeBignum, sign(x.Sign() < 0))
	mag := x.Bytes()
	units := (len(mag) + 1) / 2
	b = appendLong(b, int64(units))
	for i := len(mag) - 1; i >= 0; i-- {
		b = append(b, mag[i])
	}
	if len(mag)%2 == 1 {
		b = append(b, 0)
	}
	return b
}

func sign(negative bool) byte {
	if negative {
		return '-'
	}
	return '+'
}

// appendFloat writes a float as Ruby does: the fewest digits that give it back,
// plain while the point falls among them or at most three places before them,
// with an exponent otherwise.
func appendFloat(b []byte, f float64) []byte {
	switch {
	case f != f:
		return append(b, "nan"...)
	case math.IsInf(f, 1):
		return append(b, "inf"...)
	case math.IsInf(f, -1):
		return append(b, "-inf"...)
	case f == 0:
		if math.Signbit(f) {
			b = append(b, '-')
		}
		return append(b, '0')
	}
	if f < 0 {
		b = append(b, '-')
		f = -f
	}
	// d.ddde±xx: the digits without the point, and where the point belongs.
	var buf [32]byte
	text := strconv.AppendFloat(buf[:0], f, 'e', -1, 64)
	digits := []byte{text[0]}
	i := 1
	if text[i] == '.' {
		for i++; text[i] != 'e'; i++ {
			digits = append(digits, text[i])
		}
	}
	exp, _ := strconv.Atoi(string(text[i+1:]))
	point := exp + 1 // digits before the point
	switch {
	case point < -3 || point > len(digits):
		b = append(b, digits[0])
		if len(digits) > 1 {
			b = append(b, '.')
			b = append(b, digits[1:]...)
		}
		b = append(b, 'e')
		return strconv.AppendInt(b, int64(exp), 10)
	case point > 0:
		b = append(b, digits[:point]...)
		if point < len(digits) {
			b = append(b, '.')
			b = append(b, digits[point:]...)
		}
		return b
	}
	b = append(b, "0.0000"[:2-point]...)
	return append(b, digits...)
}

// parseFloat reads exactly what Ruby writes, and other spellings of the same
// shape. What Ruby's reader makes of anything else is not worth copying: junk
// is 0.0 there.
func parseFloat(s string) (float64, bool) {
	switch s {
	case "inf":
		return math.Inf(1), true
	case "-inf":
		return math.Inf(-1), true
	case "nan":
		return math.NaN(), true
	}
	if len(s) > maxFloatText || !isDecimal(s) {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

// isDecimal reports whether s is -?digits(.digits)?(e-?digits)?, without
// superfluous zeros in front.
func isDecimal(s string) bool {
	if s != "" && s[0] == '-' {
		s = s[1:]
	}
	n := digits(s)
	if n == 0 || n > 1 && s[0] == '0' {
		return false
	}
	s = s[n:]
	if s != "" && s[0] == '.' {
		if n = digits(s[1:]); n == 0 {
			return false
		}
		s = s[1+n:]
	}
	if s != "" && s[0] == 'e' {
		s = s[1:]
		if s != "" && s[0] == '-' {
			s = s[1:]
		}
		n = digits(s)
		return n > 0 && n == len(s)
	}
	return s == ""
}

func digits(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

// isFlonum reports whether a 64 bit Ruby keeps the float in a pointer instead of
// on the heap. All equal ones are then one object, so Ruby writes the second as
// a link. They are those whose top exponent bits are 011 or 100, and 0.0.
func isFlonum(f float64) bool {
	b := math.Float64bits(f)
	top := b >> 60 & 7
	return b == 0 || (top == 3 || top == 4) && b != 0x3000000000000000
}
