package server

import (
	"context"
	"fmt"

	"mcollective/marshal"
	"mcollective/message"
)

// rpcutilName is the agent that clients ask for when they look for nodes that
// they could call, so that a node without it would not be found by "mco find".
const rpcutilName = "rpcutil"

// rpcutil is that agent with its action ping. Whoever brings one with more
// actions replaces it.
func (s *Server) rpcutil(_ context.Context, req *message.Request) (any, error) {
	body, ok := req.Body.(*marshal.Hash)
	if !ok {
		return nil, fmt.Errorf("the request is %T, not one of SimpleRPC", req.Body)
	}
	data, _ := member(body, "data").(*marshal.Hash)
	if silent(data) {
		return nil, ErrNoReply
	}
	if action, _ := bodyText(member(body, "action")); action != "ping" {
		return failure(statusUnknownAction, fmt.Sprintf("Unknown action '%s' for agent '%s'", clip(action), rpcutilName)), nil
	}
	return marshal.NewHash(
		marshal.Symbol("statuscode"), int64(statusOK),
		marshal.Symbol("statusmsg"), "OK",
		marshal.Symbol("data"), marshal.NewHash(marshal.Symbol("pong"), s.now().Unix()),
	), nil
}

// silent tells whether the caller wants no answer: process_results is there and
// not true.
func silent(data *marshal.Hash) bool {
	for _, key := range []any{marshal.Symbol("process_results"), "process_results"} {
		if v, ok := data.Get(key); ok && (v == nil || v == false) {
			return true
		}
	}
	return false
}

// member is a value of a hash whose sender had symbols, or had none; nil if it is
// not there.
func member(h *marshal.Hash, key string) any {
	if v, ok := h.Get(marshal.Symbol(key)); ok {
		return v
	}
	v, _ := h.Get(key)
	return v
}
