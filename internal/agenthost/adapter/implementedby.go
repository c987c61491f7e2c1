package adapter

import (
	"context"

	"mcollective/agent/stdio"
	"mcollective/ddl"
	"mcollective/rpc"
)

// An ImplementedBy calls scripts that were made for implemented_by: what Ruby does
// with them, but for the shell and the daemon's environment.
type ImplementedBy struct{}

// implementedRequest is the line that implemented_by writes for a script. Ruby
// leaves callerid null by mistake.
type implementedRequest struct {
	Agent    string         `json:"agent"`
	Action   string         `json:"action"`
	Data     map[string]any `json:"data"`
	Sender   string         `json:"sender"`
	CallerID string         `json:"callerid"`
	ID       string         `json:"uniqid"`
}

// Call implements Adapter.
func (ImplementedBy) Call(ctx context.Context, h Host, req *stdio.Request, _ *ddl.Action, reply *rpc.Reply) error {
	req.Data["process_results"] = !req.Silent
	line, err := stdio.ToJSON(implementedRequest{req.Agent, req.Action, req.Data, req.Sender, req.Caller, req.ID})
	if err != nil {
		return err
	}
	res, err := h.Run(ctx, Command{Files: &Files{line, "MCOLLECTIVE_REQUEST_FILE", "MCOLLECTIVE_REPLY_FILE"}})
	if err != nil {
		if ctx.Err() != nil { // Ruby does not answer at the time limit, so there the status is ours
			return err
		}
		return rpc.Errorf(rpc.Aborted, "Unexpected failure calling %s: %v", h.Path(), err)
	}
	if all, err := stdio.ReadObject("reply file", stdio.JSON, res.Reply); err == nil {
		for k, v := range all.All() {
			reply.Set(stdio.KeyText(k), v)
		}
	}
	switch {
	case res.Signal != "":
		return rpc.Errorf(rpc.Aborted, "Unexpected failure calling %s: it was ended by a signal: %s", h.Path(), res.Signal)
	case res.Exit != 0:
		return rpc.Errorf(rpc.Status(res.Exit), "Failed to run %s: %s", h.Path(), stdio.StderrText(res.Stderr))
	}
	return nil
}
