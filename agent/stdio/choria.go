package stdio

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mcollective/agent"
	"mcollective/ddl"
	"mcollective/internal/run"
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

func choriaKind(kind string) (schema, protocol string) {
	return "https://choria.io/schemas/mcorpc/external/v1/" + kind + ".json", "io.choria." + choriaIDs + "." + kind
}

func (a *Agent) callChoria(ctx context.Context, req *agent.Request, action *ddl.Action, reply *rpc.Reply) error {
	ttl, at := int64(req.TTL/time.Second), req.Time.Unix()
	data := inputs(req)
	data["process_results"] = !req.Silent // which also keeps the object from being left out
	answer, err := a.exchangeChoria(ctx, "rpc_request", choriaRequest{
		Agent: a.name, Action: req.Action, ID: req.ID, Sender: req.Sender, CallerID: req.CallerID, Collective: req.Collective,
		TTL: &ttl, Time: &at, Data: data,
	})
	if err != nil {
		return err
	}
	return readChoria(reply, action, answer)
}

// readChoria fills a reply from the object that an external agent answers with.
func readChoria(reply *rpc.Reply, action *ddl.Action, answer *value.Map) error {
	switch data, _ := answer.Get("data"); data := data.(type) {
	case nil:
	case *value.Map:
		for k, v := range data.All() {
			reply.Set(keyText(k), v)
		}
	default:
		return rpc.Errorf(rpc.UnknownError, "the data of its reply is no object")
	}
	if err := setStatus(reply, answer); err != nil {
		return rpc.Errorf(rpc.UnknownError, "%v", err)
	}
	return nil
}

// activateChoria asks an external agent whether it can work here.
func (a *Agent) activateChoria(ctx context.Context) error {
	answer, err := a.exchangeChoria(ctx, "activation_request", choriaRequest{Agent: a.name})
	if err != nil {
		return fmt.Errorf("its activation failed: %w", err)
	}
	if v, _ := answer.Get("activate"); v != true {
		return errors.New("it says that it cannot work here")
	}
	return nil
}

func (a *Agent) exchangeChoria(ctx context.Context, kind string, request choriaRequest) (*value.Map, error) {
	request.Schema, request.Protocol = choriaKind(kind)
	line, err := toJSON(request)
	if err != nil {
		return nil, err
	}
	x, err := a.exchange(line)
	if err != nil {
		return nil, err
	}
	defer x.remove()
	res, err := a.run(ctx, run.Command{
		Args: []string{x.request, x.reply, request.Protocol},
		Env: append([]string{
			"CHORIA_EXTERNAL_REQUEST=" + x.request, "CHORIA_EXTERNAL_REPLY=" + x.reply, "CHORIA_EXTERNAL_PROTOCOL=" + request.Protocol,
			"CHORIA_EXTERNAL_CONFIG=" + a.choriaConfig(),
			"CHORIA_EXTERNAL_FACTS=" + a.facts.path(a),
		}, a.settings.env...),
		Dir: cmp.Or(a.settings.dir, x.dir),
	}, slog.LevelError)
	if err != nil {
		return nil, err
	}
	a.logOutput(res.Stdout)
	if res.Exit != 0 || res.Signal != "" {
		err := a.ending(res)
		return nil, rpc.Errorf(rpc.Aborted, "external agent %s failed: %v", a.name, err)
	}
	b, err := x.answer(a.settings.most)
	if err == nil && len(b) == 0 {
		err = errors.New("its reply file is empty")
	}
	var answer *value.Map
	if err == nil {
		answer, err = readObject(jsonForm, b)
	}
	if err != nil {
		return nil, rpc.Errorf(rpc.Aborted, "external agent %s did not answer: %v", a.name, err)
	}
	return answer, nil
}

// choriaConfig is the agent's own configuration. Choria names it without the
// ending that the files there have, which most agents do not look for.
func (a *Agent) choriaConfig() string {
	path := filepath.Join(filepath.Dir(a.opts.Config), "plugin.d", a.name)
	if _, err := os.Stat(path); err != nil {
		if _, err := os.Stat(path + ".cfg"); err == nil {
			return path + ".cfg"
		}
	}
	return path
}

// choriaDefinition is the definition in Choria's own JSON, in our native form.
func choriaDefinition(name string, root map[string]any) (*ddl.Definition, error) {
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
