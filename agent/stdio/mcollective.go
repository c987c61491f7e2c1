package stdio

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"strings"

	"mcollective/agent"
	"mcollective/internal/run"
	"mcollective/rpc"
	"mcollective/value"
)

// mcollectiveRequest is the line that implemented_by writes for a script. Ruby
// leaves callerid null by mistake.
type mcollectiveRequest struct {
	Agent    string         `json:"agent"`
	Action   string         `json:"action"`
	Data     map[string]any `json:"data"`
	Sender   string         `json:"sender"`
	CallerID string         `json:"callerid"`
	ID       string         `json:"uniqid"`
}

// callMCollective calls a script that was made for implemented_by: what Ruby does
// with it is done here, but for the shell and the daemon's environment.
func (a *Agent) callMCollective(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	data := inputs(req)
	data["process_results"] = !req.Silent
	line, err := toJSON(mcollectiveRequest{a.name, req.Action, data, req.Sender, req.CallerID, req.ID})
	if err != nil {
		return err
	}
	x, err := a.exchange(line)
	if err != nil {
		return err
	}
	defer x.remove()
	res, err := a.run(ctx, run.Command{
		Args: []string{x.request, x.reply},
		Env:  []string{"MCOLLECTIVE_REQUEST_FILE=" + x.request, "MCOLLECTIVE_REPLY_FILE=" + x.reply},
		Dir:  cmp.Or(a.settings.dir, x.dir),
	}, slog.LevelError)
	if err != nil {
		return unexpected(ctx, a.program, err)
	}
	a.logOutput(res.Stdout)
	if b, err := x.answer(a.settings.most); err != nil {
		a.log.Warn("reply of the program is not read", "error", err)
	} else if v, err := fromJSON(b); err == nil {
		if h, ok := v.(*value.Map); ok {
			for k, v := range h.All() {
				reply.Set(keyText(k), v)
			}
		}
	}
	switch {
	case res.Signal != "":
		return rpc.Errorf(rpc.Aborted, "Unexpected failure calling %s: it was ended by a signal: %s", a.program, res.Signal)
	case res.Exit != 0:
		return rpc.Errorf(rpc.Status(res.Exit), "Failed to run %s: %s", a.program, complaint(res.Stderr))
	}
	return nil
}

// unexpected is the failure of a program that did not come to its end. Ruby does
// not answer at the time limit, so there the status is ours.
func unexpected(ctx context.Context, program string, err error) error {
	if ctx.Err() != nil || errors.Is(err, run.ErrOutput) {
		return err
	}
	return rpc.Errorf(rpc.Aborted, "Unexpected failure calling %s: %v", program, err)
}

// logOutput writes what a program printed, and nobody reads, into the log.
func (a *Agent) logOutput(stdout []byte) {
	log := &programLog{log: a.log, level: slog.LevelInfo}
	for line := range strings.Lines(string(stdout)) {
		log.line(strings.TrimRight(line, "\r\n"))
	}
}
