package ruby

import (
	"encoding/base64"
	"strconv"

	"mcollective/rpc"
	"mcollective/value"
)

// The first character of a text from Ruby tells what it was where JSON cannot.
const (
	symbolMark = '\x01'
	textMark   = '\x02' // a text that begins with one of these characters
	bytesMark  = '\x03' // in base64
	keyMark    = '\x04' // a key that is a number, true, false or nil, in JSON
)

// restore makes of a reply's values what they were in Ruby: clients that are
// written in Ruby tell symbols from strings.
func restore(reply *rpc.Reply) {
	for i := range reply.Data.Pairs {
		p := &reply.Data.Pairs[i]
		p.Value = restored(p.Value)
	}
}

// restored changes lists and maps in place. Their depth has been judged by the
// reader of the JSON.
func restored(v any) any {
	switch v := v.(type) {
	case string:
		return restoredText(v)
	case []any:
		for i, e := range v {
			v[i] = restored(e)
		}
	case *value.Map:
		for i := range v.Pairs {
			v.Pairs[i].Key, v.Pairs[i].Value = restored(v.Pairs[i].Key), restored(v.Pairs[i].Value)
		}
	}
	return v
}

func keyOf(s string) any {
	switch s {
	case "null":
		return nil
	case "true", "false":
		return s == "true"
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	return s
}

func restoredText(s string) any {
	if s == "" {
		return s
	}
	switch s[0] {
	case symbolMark:
		return value.Symbol(s[1:])
	case textMark:
		return s[1:]
	case bytesMark:
		if b, err := base64.StdEncoding.DecodeString(s[1:]); err == nil {
			return value.Binary(b)
		}
	case keyMark:
		return keyOf(s[1:])
	}
	return s
}
