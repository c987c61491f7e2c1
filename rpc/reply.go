package rpc

import (
	"errors"
	"strings"

	"mcollective/marshal"
)

// A Reply is what came out of an action.
type Reply struct {
	Status  Status
	Message string        // "OK", or what went wrong
	Data    *marshal.Hash // outputs under symbols, those declared first
}

// NewReply is the reply of an action that has these outputs and did not fail so
// far. The outputs are nil until they are set.
func NewReply(outputs ...string) *Reply {
	r := &Reply{Message: "OK", Data: &marshal.Hash{Pairs: make([]marshal.Pair, len(outputs))}}
	for i, name := range outputs {
		r.Data.Pairs[i].Key = marshal.Symbol(name)
	}
	return r
}

// Set gives an output its value, which is one that a message's body may hold.
func (r *Reply) Set(output string, value any) { r.Data.Set(marshal.Symbol(output), value) }

// Fail makes the reply one of failure: with the status of an Error, else
// UnknownError. Outputs that were set stay.
func (r *Reply) Fail(err error) {
	r.Status, r.Message = UnknownError, err.Error()
	if e := (*Error)(nil); errors.As(err, &e) {
		r.Status = e.Status
	}
}

// Body is the reply as it is sent. A message that is not UTF-8, because it quotes
// what is not, is made so.
func (r *Reply) Body() *marshal.Hash {
	data := r.Data
	if data == nil {
		data = marshal.NewHash()
	}
	return marshal.NewHash(
		marshal.Symbol("statuscode"), int64(r.Status),
		marshal.Symbol("statusmsg"), strings.ToValidUTF8(r.Message, "\uFFFD"),
		marshal.Symbol("data"), data,
	)
}
