package server

import (
	"mcollective/rpc"
	"mcollective/value"
)

// silent reports whether the caller wants no answer.
func silent(body any) bool {
	req, err := rpc.Parse(body)
	return err == nil && req.Silent
}

// innerAgent finds the agent that a request's body itself is for, as those of
// SimpleRPC say; "" if it does not say. ok is false for a body that names two
// agents or something that is no name.
func innerAgent(body any) (name string, ok bool) {
	h, isHash := body.(*value.Map)
	if !isHash {
		return "", true
	}
	for _, p := range h.Pairs {
		if key, _ := bodyText(p.Key); key != "agent" {
			continue
		}
		text, isText := bodyText(p.Value)
		if !isText || text == "" || name != "" && text != name {
			return text, false
		}
		name = text
	}
	return name, true
}

// bodyText returns the text of a string or symbol, whichever a serializer made of it.
func bodyText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case value.Symbol:
		return string(v), true
	case value.Binary:
		return string(v), true
	}
	return "", false
}
