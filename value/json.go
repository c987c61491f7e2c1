package value

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// deepestJSON bounds the lists and maps within each other that ForJSON looks into. What
// arrives in messages is bounded to about as much.
const deepestJSON = 40

// ForJSON returns v as encoding/json writes it and a Go program can use it: nil,
// bool, int64, float64, json.Number, string, []any or map[string]any. Symbols are
// strings, text that is not UTF-8 is made so, and what JSON has no form for is the
// text of it. Deeper than 40 lists and maps within each other everything is nil.
func ForJSON(v any) any { return forJSON(v, 0) }

func forJSON(v any, depth int) any {
	if depth > deepestJSON {
		return nil
	}
	switch v := v.(type) {
	case nil, bool, int64:
		return v
	case int:
		return int64(v)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return strconv.FormatFloat(v, 'g', -1, 64)
		}
		return v
	case *big.Int:
		return json.Number(v.String())
	case *Float:
		if v == nil {
			return nil
		}
		return forJSON(v.Value, depth)
	case string:
		return utf8Text(v)
	case Symbol:
		return utf8Text(string(v))
	case Binary:
		return utf8Text(string(v))
	case *String:
		if v == nil {
			return nil
		}
		return utf8Text(v.Bytes)
	case []any:
		return listForJSON(v, depth)
	case *Array:
		if v == nil {
			return nil
		}
		return listForJSON(v.Items, depth)
	case *Map:
		m := make(map[string]any, v.Len())
		for k, e := range v.All() {
			m[fmt.Sprint(forJSON(k, depth+1))] = forJSON(e, depth+1)
		}
		return m
	}
	return utf8Text(fmt.Sprint(v))
}

func utf8Text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func listForJSON(list []any, depth int) any {
	out := make([]any, len(list))
	for i, e := range list {
		out[i] = forJSON(e, depth+1)
	}
	return out
}
