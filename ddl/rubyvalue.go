package ddl

import (
	"fmt"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"mcollective/internal/plaintext"
	"mcollective/value"
)

// isType reports whether a value is of a type that we know.
func isType(v any, t Type) bool {
	switch t {
	case String:
		_, ok := textOf(v)
		return ok
	case Boolean:
		_, ok := v.(bool)
		return ok
	case Integer:
		return isInteger(v)
	case Float:
		return isFloat(v)
	case Number:
		return isInteger(v) || isFloat(v)
	case Hash:
		h, ok := v.(*value.Map)
		return ok && h != nil
	case Array:
		if a, ok := v.(*value.Array); ok {
			return a != nil
		}
		_, ok := v.([]any)
		return ok
	}
	return t == Any
}

func isInteger(v any) bool {
	if i, ok := v.(*big.Int); ok {
		return i != nil
	}
	switch reflect.ValueOf(v).Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	}
	return false
}

func isFloat(v any) bool {
	switch v := v.(type) {
	case float32, float64:
		return true
	case *value.Float:
		return v != nil
	}
	return false
}

// isClass reports whether Ruby would say that the value is_a? class.
func isClass(v any, class string) bool {
	switch class {
	case "String":
		return isType(v, String)
	case "Integer", "Fixnum", "Bignum":
		return isType(v, Integer)
	case "Float":
		return isType(v, Float)
	case "Numeric":
		return isType(v, Number)
	case "Comparable":
		return isType(v, String) || isType(v, Number) || isSymbol(v)
	case "Hash":
		return isType(v, Hash)
	case "Array":
		return isType(v, Array)
	case "Enumerable":
		return isType(v, Hash) || isType(v, Array)
	case "Symbol":
		return isSymbol(v)
	case "NilClass":
		return v == nil
	case "TrueClass":
		return v == true
	case "FalseClass":
		return v == false
	case "Object", "BasicObject", "Kernel":
		return true
	}
	return false
}

func isSymbol(v any) bool {
	switch v.(type) {
	case value.Symbol, value.EncodedSymbol:
		return true
	}
	return false
}

// equal compares a value of a request with one of a definition as Ruby's ==
// does: 1 is 1.0, a symbol is no string, hashes have no order.
func equal(a, b any) bool {
	if t, ok := textOf(a); ok {
		u, ok := textOf(b)
		return ok && t.bytes == u.bytes && (plaintext.IsASCII(t.bytes) || t.encoding == u.encoding)
	}
	switch b := b.(type) {
	case int64, float64:
		return sameNumber(a, b)
	case nil, bool, value.Symbol:
		return a == b
	case []any:
		if array, ok := a.(*value.Array); ok && array != nil {
			a = array.Items
		}
		list, ok := a.([]any)
		return ok && slices.EqualFunc(list, b, equal)
	case *value.Map:
		h, ok := a.(*value.Map)
		if !ok || h.Len() != b.Len() {
			return false
		}
		for k, v := range b.All() {
			if w, ok := h.Get(k); !ok || !equal(w, v) {
				return false
			}
		}
		return true
	}
	return false
}

// sameNumber compares a value with an int64 or a float64, as numbers.
func sameNumber(a, b any) bool {
	f, isFloat := asFloat(a)
	switch b := b.(type) {
	case int64:
		if isFloat {
			return f == float64(b) && math.Abs(f) < 1<<62
		}
		return isInteger(a) && fmt.Sprint(a) == strconv.FormatInt(b, 10)
	case float64:
		if isFloat {
			return f == b
		}
		return isInteger(a) && math.Abs(b) < 1<<62 && b == math.Trunc(b) && fmt.Sprint(a) == strconv.FormatInt(int64(b), 10)
	}
	return false
}

func asFloat(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case float32:
		return float64(v), true
	case *value.Float:
		if v != nil {
			return v.Value, true
		}
	}
	return 0, false
}

// rubyText returns what Ruby's to_s, or join for lists, makes of a value.
func rubyText(v any) string {
	if t, ok := textOf(v); ok {
		return t.bytes
	}
	switch v := v.(type) {
	case nil:
		return ""
	case value.Symbol:
		return string(v)
	case []any:
		texts := make([]string, len(v))
		for i, e := range v {
			texts[i] = rubyText(e)
		}
		return strings.Join(texts, ", ")
	}
	return inspect(v)
}

// inspect returns what Ruby's inspect makes of a value, and to_s of what holds others.
func inspect(v any) string {
	if t, ok := textOf(v); ok {
		return strconv.Quote(t.bytes)
	}
	switch v := v.(type) {
	case nil:
		return "nil"
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return plaintext.Float(v)
	case *value.Float:
		return plaintext.Float(v.Value)
	case value.Symbol:
		return ":" + string(v)
	case []any:
		texts := make([]string, len(v))
		for i, e := range v {
			texts[i] = inspect(e)
		}
		return "[" + strings.Join(texts, ", ") + "]"
	case *value.Map:
		texts := make([]string, 0, v.Len())
		for k, e := range v.All() {
			texts = append(texts, inspect(k)+"=>"+inspect(e))
		}
		return "{" + strings.Join(texts, ", ") + "}"
	}
	if isInteger(v) {
		return fmt.Sprint(v)
	}
	return fmt.Sprintf("#<%T>", v)
}
