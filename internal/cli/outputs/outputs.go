// Package outputs reads values out of replies for commands that show them in a form of their own.
package outputs

import (
	"fmt"
	"mcollective/internal/render"
	"mcollective/rpc"
	"mcollective/value"
)

// Output returns an output of a reply, under a symbol or a text; nil if there is none.
func Output(h *value.Map, name string) any {
	if h == nil {
		return nil
	}
	v, _ := (&rpc.Reply{Data: h}).Output(name)
	return v
}

// Texts returns the members of a list that a node sent.
func Texts(v any) []string {
	items, _ := v.([]any)
	list := make([]string, len(items))
	for i, item := range items {
		list[i] = render.Text(item)
	}
	return list
}

// Said returns the text of an output, as people read it.
func Said(reply *rpc.Reply, name string) string {
	v, ok := reply.Output(name)
	if !ok || v == nil {
		return ""
	}
	return render.Text(v)
}

// Truth is an output that is true or false.
func Truth(reply *rpc.Reply, name string) bool {
	v, _ := reply.Output(name)
	b, isBool := v.(bool)
	return b || !isBool && render.Text(v) == "true"
}

// Whole returns an output that is a whole number.
func Whole(reply *rpc.Reply, name string) (int64, bool) {
	v, _ := reply.Output(name)
	n, ok := v.(int64)
	return n, ok && n >= 0
}

// Number returns a number, or 0 for what is none.
func Number(v any) float64 {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	case *value.Float:
		return v.Value
	}
	return 0
}

// BytesText returns a number of bytes in the largest unit that leaves something before
// the point.
func BytesText(n float64) string {
	if n < 1024 {
		return fmt.Sprintf("%.0f B", n)
	}
	units := []string{"KB", "MB", "GB", "TB", "PB"}
	i := -1
	for n >= 1024 && i < len(units)-1 {
		n /= 1024
		i++
	}
	return fmt.Sprintf("%.1f %s", n, units[i])
}

// FlatFacts gives each fact that is no structure, with the path that filters know
// it by.
func FlatFacts(h *value.Map, prefix string, depth int, each func(name, value string)) {
	for k, v := range h.All() {
		name := prefix + render.Text(k)
		if inner, ok := v.(*value.Map); ok && inner != nil && depth < FactDepth {
			FlatFacts(inner, name+".", depth+1, each)
			continue
		}
		each(name, render.Text(v))
	}
}

// FactDepth is how deep the structure of a fact is followed.
const FactDepth = 8
