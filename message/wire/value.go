package wire

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
	"unicode/utf8"

	"mcollective/internal/plaintext"
	"mcollective/marshal"
	"mcollective/value"
)

// maxWriteDepth is how deep the values are that YAML and JSON write: no deeper
// than they would be read.
const maxWriteDepth = 64

var errTooDeep = fmt.Errorf("nested deeper than %d", maxWriteDepth)

// limits is what is left of the bounds of one decoding.
type limits struct {
	bytes, depth, values int
	nonFinite            bool // inf and nan are allowed
}

func limitsOf(p *marshal.Policy) limits {
	return limits{p.MaxBytes, p.MaxDepth, p.MaxValues, p.AllowNonFinite}
}

// scalar passes on what a scalar was read as, unless it is not allowed here.
func (l *limits) scalar(v any, err error) (any, error) {
	if f, ok := v.(float64); ok && !l.nonFinite && !finite(f) && err == nil {
		return nil, errors.New("a number that is not finite")
	}
	return v, err
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

// spend counts one value at a depth.
func (l *limits) spend(depth int) error {
	if depth > l.depth {
		return fmt.Errorf("nested deeper than %d", l.depth)
	}
	if l.values--; l.values < 0 {
		return errors.New("too many values")
	}
	return nil
}

// text is v as a string in UTF-8, if it is a text that has one meaning: strings of
// Ruby in another encoding, or in none, only count while they are ASCII, since
// anything else would not equal the same letters in UTF-8 there either.
func text(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, utf8.ValidString(v)
	case value.Binary:
		return string(v), plaintext.IsASCII(string(v))
	case *value.String:
		wide := strings.HasPrefix(v.Encoding, "UTF-") || strings.HasPrefix(v.Encoding, "UCS-")
		return v.Bytes, v.Extra == nil && !wide && plaintext.IsASCII(v.Bytes)
	}
	return "", false
}

// rawBytes returns the bytes of any string.
func rawBytes(v any) (string, bool) {
	switch v := v.(type) {
	case value.Binary:
		return string(v), true
	case string:
		return v, true
	case *value.String:
		return v.Bytes, v.Extra == nil
	}
	return "", false
}

// stringBytes returns what YAML and JSON write of a string, and whether that is text or
// has to be written as bytes.
func stringBytes(v any) (s string, isText, ok bool) {
	if s, ok := text(v); ok {
		_, binary := v.(value.Binary)
		return s, !binary, true
	}
	s, ok = rawBytes(v)
	return s, false, ok
}

// fieldName returns the name that a key of an envelope or fact stands for: a symbol,
// or a string where the serializer has no symbols.
func fieldName(key any, symbols bool) (string, bool) {
	if symbols {
		s, ok := key.(value.Symbol)
		return string(s), ok
	}
	s, ok := key.(string)
	return s, ok
}

// kindOf names the kind of a value in an error message.
func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case bool:
		return "a boolean"
	case int, int64, *big.Int:
		return "an integer"
	case float64:
		return "a float"
	case string, *value.String:
		return "a string"
	case value.Binary:
		return "a binary string"
	case value.Symbol:
		return fmt.Sprintf("the symbol %q", clip(string(v)))
	case *value.Regexp:
		return "a regular expression"
	case []any:
		return "a list"
	case *value.Map:
		return "a hash"
	}
	return strings.TrimPrefix(fmt.Sprintf("a %T", v), "*")
}

// clip keeps outside text short enough for a log line.
func clip(s string) string { return plaintext.Clip(s, 64) }

// refuseTwins walks v and refuses any hash with both a symbol and a string of one
// name as keys. v is a tree out of a decoder, so its size is bounded.
func refuseTwins(v any) error {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			if err := refuseTwins(x); err != nil {
				return err
			}
		}
	case *value.Map:
		var symbols map[value.Symbol]struct{}
		strings := 0
		for i := range v.Pairs {
			switch v.Pairs[i].Key.(type) {
			case string, value.Binary, *value.String:
				strings++
			}
			if err := refuseTwins(v.Pairs[i].Value); err != nil {
				return err
			}
		}
		if strings == 0 || strings == len(v.Pairs) {
			return nil
		}
		symbols = make(map[value.Symbol]struct{}, len(v.Pairs))
		for i := range v.Pairs {
			if s, ok := v.Pairs[i].Key.(value.Symbol); ok {
				symbols[s] = struct{}{}
			}
		}
		for i := range v.Pairs {
			s, _ := rawBytes(v.Pairs[i].Key)
			if _, twin := symbols[value.Symbol(s)]; twin && s != "" {
				return fmt.Errorf("key %q is there both as a symbol and as a string", clip(s))
			}
		}
	}
	return nil
}

// A hashBuilder makes a hash of scalar keys and refuses a key that comes twice.
type hashBuilder struct {
	pairs []value.Pair
	seen  map[any]struct{}
}

func (b *hashBuilder) add(k, v any) error {
	switch k.(type) {
	case nil, bool, int64, float64, string, value.Symbol, value.Binary:
		if b.has(k) {
			return fmt.Errorf("key %q is there twice", clip(fmt.Sprint(k)))
		}
	case *big.Int:
		// Two equal ones would only fool somebody who looks such a key up.
	default:
		return fmt.Errorf("%s is a key", kindOf(k))
	}
	b.pairs = append(b.pairs, value.Pair{Key: k, Value: v})
	return nil
}

// small is up to how many pairs are looked through: less than what a map costs.
const small = 12

// has reports whether a key was added, and notes it for the next time.
func (b *hashBuilder) has(k any) bool {
	if len(b.pairs) < small {
		for i := range b.pairs {
			if b.pairs[i].Key == k {
				return true
			}
		}
		return false
	}
	if b.seen == nil {
		b.seen = make(map[any]struct{}, 2*small)
		for i := range b.pairs {
			b.seen[b.pairs[i].Key] = struct{}{}
		}
	}
	_, twice := b.seen[k]
	b.seen[k] = struct{}{}
	return twice
}

func (b *hashBuilder) hash() *value.Map {
	if b.pairs == nil {
		b.pairs = []value.Pair{} // as the other decoders have it
	}
	return &value.Map{Pairs: b.pairs}
}
