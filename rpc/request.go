package rpc

import (
	"fmt"
	"strconv"

	"mcollective/value"
)

// processResults is the input by which a caller says whether it wants a reply.
const processResults = "process_results"

// A Request asks an agent for an action.
type Request struct {
	Agent  string // "" if the request does not say
	Action string
	Caller string     // as the client wrote it; the one that was proven is the message's
	Data   *value.Map // the inputs, under symbols or strings; not nil
	Silent bool       // the caller wants no reply
}

// Parse reads the body of a request. Its keys may be symbols or strings; a
// symbol wins over a string of the same name. What is no request gets no reply,
// so the error is an ErrNoReply that says what is wrong. Parse does not judge
// the names: an action that no agent can have is one that this agent has not.
func Parse(body any) (*Request, error) {
	h, ok := body.(*value.Map)
	if !ok || h == nil {
		return nil, fmt.Errorf("%w: the request is %s, not a hash", ErrNoReply, kind(body))
	}
	data, _ := member(h, "data")
	r := &Request{}
	if r.Data, ok = data.(*value.Map); !ok || r.Data == nil {
		return nil, fmt.Errorf("%w: the data of the request is %s, not a hash", ErrNoReply, kind(data))
	}
	for _, f := range []struct {
		name string
		to   *string
	}{{"agent", &r.Agent}, {"action", &r.Action}, {"caller", &r.Caller}} {
		v, _ := member(h, f.name)
		*f.to = name(v)
	}
	if wanted, ok := r.Input(processResults); ok {
		r.Silent = wanted == nil || wanted == false
	}
	return r, nil
}

// Input returns the value of an input, and whether the caller gave it; nil is a value.
func (r *Request) Input(name string) (any, bool) { return member(r.Data, name) }

func member(h *value.Map, name string) (any, bool) {
	if v, ok := h.Get(value.Symbol(name)); ok {
		return v, true
	}
	return h.Get(name)
}

// Text returns the text of v if it is a string of any encoding.
func Text(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case value.Binary:
		return string(v), true
	case *value.String:
		if v != nil {
			return v.Bytes, true
		}
	}
	return "", false
}

// name is v where a name belongs. A serializer without symbols makes strings of
// them, so both are names.
func name(v any) string {
	switch v := v.(type) {
	case value.Symbol:
		return string(v)
	case int64:
		return strconv.FormatInt(v, 10)
	}
	s, _ := Text(v)
	return s
}

// kind returns the word for v in an error.
func kind(v any) string {
	switch v.(type) {
	case nil:
		return "nil"
	case string, value.Binary, *value.String:
		return "a string"
	case []any, *value.Array:
		return "a list"
	}
	return fmt.Sprintf("%T", v)
}

// Body returns the request as a client sends it: everything under symbols, which are all
// that nodes of Ruby look at, and the wish for a reply among the inputs, where nodes
// look for it.
func (r *Request) Body() *value.Map {
	data := value.NewMap()
	if r.Data != nil {
		for k, v := range r.Data.All() {
			if name, ok := k.(string); ok {
				if _, both := r.Data.Get(value.Symbol(name)); both {
					continue // as Input has it
				}
				k = value.Symbol(name)
			}
			data.Set(k, v)
		}
	}
	data.Set(value.Symbol(processResults), !r.Silent)
	return value.NewMap(
		value.Symbol("agent"), r.Agent,
		value.Symbol("action"), r.Action,
		value.Symbol("caller"), r.Caller,
		value.Symbol("data"), data,
	)
}
