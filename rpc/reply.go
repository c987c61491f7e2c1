package rpc

import (
	"errors"
	"fmt"
	"strings"

	"mcollective/value"
)

// A Reply is what came out of an action.
type Reply struct {
	Status  Status
	Message string     // "OK", or what went wrong
	Data    *value.Map // outputs under symbols, those declared first
}

// NewReply returns the reply of an action that has these outputs and did not fail so
// far. The outputs are nil until they are set.
func NewReply(outputs ...string) *Reply {
	r := &Reply{Message: "OK", Data: &value.Map{Pairs: make([]value.Pair, len(outputs))}}
	for i, name := range outputs {
		r.Data.Pairs[i].Key = value.Symbol(name)
	}
	return r
}

// Set gives an output its value, which becomes one that a message's body may hold
// as [Value] says. If it cannot, the output is nil and the reply fails.
func (r *Reply) Set(output string, to any) {
	v, err := Value(to)
	if err != nil {
		r.Fail(fmt.Errorf("output %s: %w", output, err))
	}
	if r.Data == nil {
		r.Data = value.NewMap()
	}
	r.Data.Set(value.Symbol(output), v)
}

// Fail makes the reply one of failure: with the status of an Error, else
// UnknownError. Outputs that were set stay.
func (r *Reply) Fail(err error) {
	r.Status, r.Message = UnknownError, err.Error()
	if e := (*Error)(nil); errors.As(err, &e) {
		r.Status = e.Status
	}
}

// Body returns the reply as it is sent. A message that is not UTF-8, because it quotes
// what is not, is made so.
func (r *Reply) Body() *value.Map {
	data := r.Data
	if data == nil {
		data = value.NewMap()
	}
	return value.NewMap(
		value.Symbol("statuscode"), int64(r.Status),
		value.Symbol("statusmsg"), strings.ToValidUTF8(r.Message, "\uFFFD"),
		value.Symbol("data"), data,
	)
}

// maxOutputs bounds the outputs of one reply. Those of real agents have some
// dozens; get_facts of everything that a machine knows, some hundreds in one.
const maxOutputs = 10_000

// ParseReply reads the body of a reply. Keys may be symbols or strings; output
// names become symbols, and a symbol wins over a string of the same name. Data that
// is a text, not a hash, becomes the output "data". An error
// says why the body is no reply of an action.
func ParseReply(body any) (*Reply, error) {
	h, ok := body.(*value.Map)
	if !ok || h == nil {
		return nil, fmt.Errorf("the reply is %s, not a hash", kind(body))
	}
	r := &Reply{Data: value.NewMap()}
	code, _ := member(h, "statuscode")
	n, ok := code.(int64)
	if !ok || n < 0 || n > 1<<31 {
		return nil, fmt.Errorf("the status code of the reply is %s, not a number", kind(code))
	}
	r.Status = Status(n)
	msg, _ := member(h, "statusmsg")
	r.Message = name(msg)
	data, _ := member(h, "data")
	switch d := data.(type) {
	case nil:
	case *value.Map:
		if d.Len() > maxOutputs {
			return nil, fmt.Errorf("the reply has %d outputs, more than %d", d.Len(), maxOutputs)
		}
		r.Data = outputs(d)
	default:
		// Ruby's agents may say reply.data = "text", and its clients show that.
		if text, ok := Text(data); ok {
			r.Data = value.NewMap(value.Symbol("data"), text)
			break
		}
		return nil, fmt.Errorf("the data of the reply is %s, not a hash", kind(data))
	}
	return r, nil
}

// outputs has the members of a hash under symbols. It looks each one up once, for
// who sent them may be hostile.
func outputs(d *value.Map) *value.Map {
	h := &value.Map{Pairs: make([]value.Pair, 0, d.Len())}
	at := make(map[value.Symbol]int, d.Len())
	for k, v := range d.All() {
		s, isSymbol := k.(value.Symbol)
		if !isSymbol {
			text, ok := Text(k)
			if !ok {
				h.Pairs = append(h.Pairs, value.Pair{Key: k, Value: v})
				continue
			}
			s = value.Symbol(text)
		}
		i, known := at[s]
		switch {
		case !known:
			at[s] = len(h.Pairs)
			h.Pairs = append(h.Pairs, value.Pair{Key: s, Value: v})
		case isSymbol:
			h.Pairs[i].Value = v
		}
	}
	return h
}

// Output returns the value of an output, and whether the reply has it; nil is a value.
func (r *Reply) Output(name string) (any, bool) { return member(r.Data, name) }
