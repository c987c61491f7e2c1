package rpc

import (
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"mcollective/value"
)

// maxValueDepth bounds lists and maps within each other. Clients read no deeper.
const maxValueDepth = 48

// Value returns a Go value as the body of a message holds it. What a body can hold
// already stays as it is; besides that there are
//
//   - integers and floats of every size
//   - strings; one that is not UTF-8, and []byte, become a value.Binary
//   - time.Time, as whole seconds since 1970, and time.Duration, as seconds
//   - slices and arrays, as lists
//   - maps with strings as keys, sorted by key. The keys stay strings: they are
//     data, like the names of facts
//   - structs, as hashes of their exported fields under symbols, which is how
//     Ruby's clients read what an agent documents. A tag `json:"name"` gives the
//     name, "-" leaves the field out, and omitempty leaves it out when it is zero;
//     without a tag it is the field's name in lower case
//   - pointers and interfaces, as what they point to; nil is nil
//
// Anything else is an error.
func Value(v any) (any, error) { return wireValue(v, 0) }

func wireValue(v any, depth int) (any, error) {
	if depth > maxValueDepth {
		return nil, fmt.Errorf("nested more than %d deep, or contains itself", maxValueDepth)
	}
	switch v := v.(type) {
	case nil, bool, int64, float64, value.Symbol, value.Binary, *value.String, *value.Map, *value.Array, *big.Int, *value.Float:
		return v, nil
	case string:
		return wireText(v), nil
	case []byte:
		return value.Binary(v), nil
	case time.Time:
		return v.Unix(), nil
	case time.Duration:
		return v.Seconds(), nil
	case []string:
		list := make([]any, len(v))
		for i := range v {
			list[i] = wireText(v[i])
		}
		return list, nil
	}
	return reflected(reflect.ValueOf(v), depth)
}

func wireText(s string) any {
	if utf8.ValidString(s) {
		return s
	}
	return value.Binary(s)
}

// reflected is for types that are not listed above.
func reflected(v reflect.Value, depth int) (any, error) {
	switch v.Kind() {
	case reflect.Bool:
		return v.Bool(), nil
	case reflect.String:
		return wireText(v.String()), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int(), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if n := new(big.Int).SetUint64(v.Uint()); !n.IsInt64() {
			return n, nil
		}
		return int64(v.Uint()), nil
	case reflect.Float32, reflect.Float64:
		return v.Float(), nil
	case reflect.Slice, reflect.Array:
		list := make([]any, v.Len())
		for i := range list {
			item, err := wireValue(v.Index(i).Interface(), depth+1)
			if err != nil {
				return nil, fmt.Errorf("[%d]: %w", i, err)
			}
			list[i] = item
		}
		return list, nil
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil, nil
		}
		return wireValue(v.Elem().Interface(), depth+1)
	case reflect.Map:
		return wireMap(v, depth)
	case reflect.Struct:
		return wireStruct(v, depth)
	}
	return nil, fmt.Errorf("a message cannot hold %s", v.Type())
}

func wireMap(v reflect.Value, depth int) (any, error) {
	if v.Type().Key().Kind() != reflect.String {
		return nil, fmt.Errorf("a message cannot hold %s: its keys are no strings", v.Type())
	}
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	h := &value.Map{Pairs: make([]value.Pair, 0, len(keys))}
	for _, k := range keys {
		item, err := wireValue(v.MapIndex(k).Interface(), depth+1)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k, err)
		}
		h.Pairs = append(h.Pairs, value.Pair{Key: wireText(k.String()), Value: item})
	}
	return h, nil
}

func wireStruct(v reflect.Value, depth int) (any, error) {
	h := &value.Map{}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" || strings.Contains(options, "omitempty") && v.Field(i).IsZero() {
			continue
		}
		if name == "" {
			name = strings.ToLower(f.Name)
		}
		item, err := wireValue(v.Field(i).Interface(), depth+1)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		h.Set(value.Symbol(name), item)
	}
	return h, nil
}
