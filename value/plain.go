package value

import "fmt"

// Plain returns v as Go's own types: each list is an []any and each map a
// map[string]any, whose keys are what leaf makes of them as text. Everything else is
// what leaf makes of it.
func Plain(v any, leaf func(any) any) any {
	switch v := v.(type) {
	case []any:
		return plainList(v, leaf)
	case *Array:
		if v == nil {
			return leaf(nil)
		}
		return plainList(v.Items, leaf)
	case *Map:
		m := make(map[string]any, v.Len())
		for k, e := range v.All() {
			m[fmt.Sprint(Plain(k, leaf))] = Plain(e, leaf)
		}
		return m
	}
	return leaf(v)
}

func plainList(items []any, leaf func(any) any) []any {
	list := make([]any, len(items))
	for i, e := range items {
		list[i] = Plain(e, leaf)
	}
	return list
}
