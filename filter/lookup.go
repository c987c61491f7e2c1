package filter

import (
	"fmt"
	"strconv"
	"strings"
)

// maxPathDots bounds the dots of a fact name that is tried as a path.
const maxPathDots = 32

// Lookup finds a fact of a node: the top-level fact of that very name, or else
// a path of keys and array indices with dots between them, like
// os.release.major. Keys that hold dots themselves are found too; where several
// ways lead somewhere, the longer key wins. The value is a string, []any or
// map[string]any.
func Lookup(n Node, name string) (any, bool) {
	if value, ok := n.Fact(name); ok {
		return value, true
	}
	if strings.IndexByte(name, '.') < 0 || strings.Count(name, ".") > maxPathDots {
		return nil, false
	}
	for end := strings.LastIndexByte(name, '.'); end > 0; end = strings.LastIndexByte(name[:end], '.') {
		if top, ok := n.Fact(name[:end]); ok {
			if value, ok := walk(top, name[end+1:]); ok {
				return value, true
			}
		}
	}
	return nil, false
}

// walk follows a path into a value. Each step goes down one level of the
// node's own fact, so the facts bound the depth.
func walk(value any, path string) (any, bool) {
	for end := len(path); end > 0; end = strings.LastIndexByte(path[:end], '.') {
		next, ok := child(value, path[:end])
		if !ok {
			continue
		}
		if end == len(path) {
			return next, true
		}
		if found, ok := walk(next, path[end+1:]); ok {
			return found, true
		}
	}
	return nil, false
}

func child(value any, key string) (any, bool) {
	switch v := value.(type) {
	case map[string]any:
		next, ok := v[key]
		return next, ok
	case []any:
		if len(key) > 9 || !allDigits(key) || len(key) > 1 && key[0] == '0' {
			return nil, false
		}
		if i, err := strconv.Atoi(key); err == nil && i < len(v) {
			return v[i], true
		}
	}
	return nil, false
}

// factText returns a scalar as text. Nodes give text already; other values are
// written the way Go does.
func factText(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case nil:
		return "", true
	case []any, map[string]any:
		return "", false
	}
	return fmt.Sprint(value), true
}
