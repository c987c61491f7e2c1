package client

import (
	"context"
	"strings"

	"mcollective/connector"
	"mcollective/rpc"
)

// judge is what an answer says of how the request ended.
func judge(r *rpc.Reply, err error) Outcome {
	switch {
	case err != nil:
		return Failed
	case r.Status == rpc.OK:
		return OK
	case r.Status == rpc.Aborted && r.Message == rpc.TextDenied:
		return Denied
	case r.Status == rpc.UnknownError && strings.HasPrefix(r.Message, rpc.TextTimedOut):
		return TimedOut
	case r.Status == rpc.UnknownError && strings.HasPrefix(r.Message, rpc.TextExpired):
		return Expired
	}
	return Failed
}

// explain tells why nodes did not answer, where the broker knows who listens to a
// broadcast.
func (e *engine) explain(ctx context.Context) {
	if e.deaf() || e.direct() || ctx.Err() != nil {
		return
	}
	missing := e.ledger.missing()
	asked, ok := e.client.conn.(interested)
	if !ok || len(missing) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, interestPatience)
	defer cancel()
	names, err := asked.Interest(ctx, connector.Target{Kind: connector.Broadcast, Collective: e.run.Collective, Agent: e.run.Agent})
	if err != nil {
		return // that nobody can tell is what the outcome says already
	}
	listens := make(map[string]bool, len(names))
	for _, name := range names {
		listens[name] = true
	}
	for _, name := range missing {
		if listens[name] {
			e.ledger.explain(name, TimedOut)
		} else {
			e.ledger.explain(name, Unreachable)
		}
	}
}
