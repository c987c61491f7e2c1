package swarm

import (
	"context"
	"fmt"
	"time"

	"mcollective/internal/server"
	"mcollective/marshal"
	"mcollective/message"
)

// The SimpleRPC status codes that rpcutil answers with.
const (
	statusOK            = 0
	statusUnknownAction = 2
)

// Agents are the agents of a node that has nothing else to do: rpcutil, which
// clients look for when they look for nodes, with its action ping.
func Agents() map[string]server.Handler {
	return map[string]server.Handler{"rpcutil": server.HandlerFunc(rpcutil)}
}

func rpcutil(_ context.Context, req *message.Request) (any, error) {
	body, ok := req.Body.(*marshal.Hash)
	if !ok {
		return nil, fmt.Errorf("the request is %T, not one of SimpleRPC", req.Body)
	}
	action := text(body, "action")
	data := marshal.NewHash()
	status, words := int64(statusOK), "OK"
	if action == "ping" {
		data.Set(marshal.Symbol("pong"), time.Now().Unix())
	} else {
		status, words = statusUnknownAction, fmt.Sprintf("Unknown action '%.100s' for agent 'rpcutil'", action)
	}
	return marshal.NewHash(
		marshal.Symbol("statuscode"), status,
		marshal.Symbol("statusmsg"), words,
		marshal.Symbol("data"), data,
	), nil
}

// text is a member of a request whose sender had symbols, or had none.
func text(h *marshal.Hash, key string) string {
	v, ok := h.Get(marshal.Symbol(key))
	if !ok {
		v, _ = h.Get(key)
	}
	switch v := v.(type) {
	case string:
		return v
	case marshal.Symbol:
		return string(v)
	case marshal.Binary:
		return string(v)
	}
	return ""
}
