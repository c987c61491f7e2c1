package adapter

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mcollective/agent/stdio"
	"mcollective/ddl"
	"mcollective/rpc"
	"mcollective/value"
)

const choriaIDs = "mcorpc.external.v1"

// choriaRequest is what an external agent of Choria reads.
type choriaRequest struct {
	Schema     string         `json:"$schema"`
	Protocol   string         `json:"protocol"`
	Agent      string         `json:"agent"`
	Action     string         `json:"action,omitempty"`
	ID         string         `json:"requestid,omitempty"`
	Sender     string         `json:"senderid,omitempty"`
	CallerID   string         `json:"callerid,omitempty"`
	Collective string         `json:"collective,omitempty"`
	TTL        *int64         `json:"ttl,omitempty"`
	Time       *int64         `json:"msgtime,omitempty"`
	Data       map[string]any `json:"data,omitempty"`
}

// An ExternalAgent calls external agents of Choria.
type ExternalAgent struct{}

// Call implements Adapter.
func (ExternalAgent) Call(ctx context.Context, h Host, req *stdio.Request, _ *ddl.Action, reply *rpc.Reply) error {
	req.Data["process_results"] = !req.Silent // which also keeps the object from being left out
	answer, err := exchangeChoria(ctx, h, "rpc_request", choriaRequest{
		Agent: req.Agent, Action: req.Action, ID: req.ID, Sender: req.Sender, CallerID: req.Caller, Collective: req.Collective,
		TTL: &req.TTL, Time: &req.Time, Data: req.Data,
	})
	if err != nil {
		return err
	}
	return stdio.FillFrom(reply, answer, stdio.AsGiven)
}

// Activate implements Activator.
func (ExternalAgent) Activate(ctx context.Context, h Host) error {
	answer, err := exchangeChoria(ctx, h, "activation_request", choriaRequest{Agent: h.Agent()})
	if err != nil {
		return fmt.Errorf("its activation failed: %w", err)
	}
	if v, _ := answer.Get("activate"); v != true {
		return errors.New("it says that it cannot work here")
	}
	return nil
}

func exchangeChoria(ctx context.Context, h Host, kind string, request choriaRequest) (*value.Map, error) {
	request.Schema = "https://choria.io/schemas/mcorpc/external/v1/" + kind + ".json"
	request.Protocol = "io.choria." + choriaIDs + "." + kind
	line, err := stdio.ToJSON(request)
	if err != nil {
		return nil, err
	}
	res, err := h.Run(ctx, Command{
		Args:  []string{request.Protocol},
		Env:   []string{"CHORIA_EXTERNAL_PROTOCOL=" + request.Protocol, "CHORIA_EXTERNAL_CONFIG=" + choriaConfig(h), "CHORIA_EXTERNAL_FACTS=" + h.Facts()},
		Files: &Files{line, "CHORIA_EXTERNAL_REQUEST", "CHORIA_EXTERNAL_REPLY"},
	})
	if err != nil {
		return nil, err
	}
	if res.Exit != 0 || res.Signal != "" {
		return nil, rpc.Errorf(rpc.Aborted, "external agent %s failed: %v", h.Agent(), ending(h.Agent(), res.Result))
	}
	var answer *value.Map
	if err = res.ReplyErr; err == nil {
		answer, err = stdio.ReadObject("its reply file", stdio.JSON, res.Reply)
	}
	if err != nil {
		return nil, rpc.Errorf(rpc.Aborted, "external agent %s did not answer: %v", h.Agent(), err)
	}
	return answer, nil
}

// choriaConfig returns the agent's own configuration. Choria names it without the
// ending that the files there have, which most agents do not look for.
func choriaConfig(h Host) string {
	path := filepath.Join(filepath.Dir(h.Config()), "plugin.d", h.Agent())
	if _, err := os.Stat(path); err != nil {
		if _, err := os.Stat(path + ".cfg"); err == nil {
			return path + ".cfg"
		}
	}
	return path
}

// DescribesExternalAgent reports whether an object of JSON is a definition of
// Choria's.
func DescribesExternalAgent(root map[string]any) bool {
	schema, _ := root["$schema"].(string)
	return strings.HasPrefix(schema, "https://choria.io/schemas/mcorpc/ddl/")
}

// ExternalAgentDefinition returns the definition that Choria's own JSON holds.
func ExternalAgentDefinition(name string, root map[string]any) (*ddl.Definition, error) {
	out := map[string]any{}
	metadata, _ := root["metadata"].(map[string]any)
	for _, key := range []string{"description", "author", "license", "version", "url", "timeout"} {
		if v, ok := metadata[key]; ok {
			out[key] = v
		}
	}
	actions := map[string]any{}
	list, _ := root["actions"].([]any)
	for _, e := range list {
		from, _ := e.(map[string]any)
		name, _ := from["action"].(string)
		to := map[string]any{}
		for _, key := range []string{"description", "display"} {
			if v, ok := from[key]; ok {
				to[key] = v
			}
		}
		to["input"] = choriaMembers(from["input"], "prompt", "description", "type", "default", "list")
		output := choriaMembers(from["output"], "description", "display_as", "type", "default")
		choriaSummaries(output, from["aggregate"])
		to["output"] = output
		actions[name] = to
	}
	out["actions"] = actions
	return native(name, out)
}

// choriaSummaries says of outputs how they are summed up. What only Choria's own
// client can do is passed over.
func choriaSummaries(output map[string]any, aggregate any) {
	list, _ := aggregate.([]any)
	for _, e := range list {
		from, _ := e.(map[string]any)
		function, _ := from["function"].(string)
		args, _ := from["args"].([]any)
		if len(args) == 0 || !slices.Contains([]string{"summary", "average", "sum"}, function) {
			continue
		}
		name, _ := args[0].(string)
		if member, ok := output[name].(map[string]any); ok {
			member["summarize"] = function
		}
	}
}

func choriaMembers(v any, keys ...string) map[string]any {
	members, _ := v.(map[string]any)
	out := map[string]any{}
	for name, m := range members {
		from, _ := m.(map[string]any)
		to := map[string]any{}
		for _, key := range keys {
			if v, ok := from[key]; ok && v != nil {
				to[key] = v
			}
		}
		kind, _ := from["type"].(string)
		kind = strings.ToLower(kind)
		if kind != "" {
			to["type"] = kind
		}
		if optional, ok := from["optional"].(bool); ok {
			to["required"] = !optional
		}
		if n, ok := from["maxlength"].(float64); ok && n > 0 && kind == string(ddl.String) {
			to["max_length"] = n
		}
		if s, ok := from["validation"].(string); ok && s != "" && s != "." && kind == string(ddl.String) {
			to["validation"] = choriaValidation(s)
		}
		out[name] = to
	}
	return out
}

// choriaValidation tells a validator from a regular expression, as Choria does.
func choriaValidation(s string) any {
	switch s {
	case "shellsafe", "ipv4address", "ipv6address", "ipaddress":
		return s
	case "bool":
		return map[string]any{"regexp": "^(true|false)$"}
	}
	return map[string]any{"regexp": s}
}
