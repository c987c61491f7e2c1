package adapter

import (
	"context"
	"strconv"
	"strings"

	"mcollective/agent/stdio"
	"mcollective/ddl"
	"mcollective/rpc"
	"mcollective/value"
)

// nagiosAction is the action of a plugin that declares none.
const nagiosAction = "check"

// nagiosStates are what the exit statuses mean.
var nagiosStates = [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}

const mostMetrics = 1000

// A Check calls plugins of Nagios. The outputs are those of MCollective's nrpe
// agent, and the numbers of the performance data besides.
type Check struct{}

// Call implements Adapter.
func (Check) Call(ctx context.Context, h Host, req *stdio.Request, action *ddl.Action, reply *rpc.Reply) error {
	args, err := nagiosArguments(req, action)
	if err != nil {
		return err
	}
	res, err := h.Run(ctx, Command{Args: args})
	if err != nil {
		return err
	}
	if res.Signal != "" || res.Exit >= len(nagiosStates) {
		return ending(h.Agent(), res.Result)
	}
	if err := stdio.IsText("stdout", res.Stdout); err != nil {
		return rpc.Errorf(rpc.UnknownError, "check %s did not answer: %v", h.Agent(), err)
	}
	output, perfdata := splitNagios(string(res.Stdout))
	reply.Set("exitcode", res.Exit)
	reply.Set("output", output)
	reply.Set("perfdata", perfdata)
	reply.Set("metrics", parsePerfdata(perfdata))
	reply.Message = nagiosStates[res.Exit]
	if res.Exit != 0 {
		return rpc.Errorf(rpc.Aborted, "%s", nagiosStates[res.Exit])
	}
	return nil
}

// nagiosArguments returns the input args, and the declared inputs as options: -w5 for
// a name of one letter, --warning=5 for others, and the bare option for what is
// true.
func nagiosArguments(req *stdio.Request, action *ddl.Action) ([]string, error) {
	var options []string
	var inputs []*ddl.Input
	if action != nil { // an activation may be one that is not declared
		inputs = action.Inputs
	}
	for _, in := range inputs {
		v := req.Data[in.Name]
		if in.Name == ArgsInput || v == nil || v == false {
			continue
		}
		option, separator := "--"+strings.ReplaceAll(in.Name, "_", "-"), "="
		if len(in.Name) == 1 {
			option, separator = "-"+in.Name, ""
		}
		if v != true {
			text, ok := stdio.ScalarText(v)
			if !ok {
				return nil, rpc.Errorf(rpc.InvalidData, "%s is to be a text or a number", in.Name)
			}
			option += separator + text
		}
		options = append(options, option)
	}
	args, err := arguments(req)
	return append(options, args...), err
}

// splitNagios tells the text of a plugin from its performance data, which follow
// a bar: on the first line, and anywhere in the long text below it.
func splitNagios(stdout string) (output, perfdata string) {
	var text, data []string
	inData := false
	first := true
	for line := range strings.Lines(stdout) {
		line = strings.TrimRight(line, "\r\n")
		switch before, after, bar := strings.Cut(line, "|"); {
		case inData:
			data = append(data, line)
		case bar:
			text, data = append(text, strings.TrimSpace(before)), append(data, after)
			inData = !first // below the first line all that follows is data
		default:
			text = append(text, line)
		}
		first = false
	}
	return strings.TrimSpace(strings.Join(text, "\n")), strings.TrimSpace(strings.Join(data, " "))
}

// parsePerfdata reads 'label'=value[unit];[warn];[crit];[min];[max] one after the
// other. What has another form is passed over.
func parsePerfdata(s string) []any {
	metrics := []any{}
	for len(metrics) < mostMetrics {
		s = strings.TrimLeft(s, " \t")
		if s == "" {
			break
		}
		var label string
		if label, s = perfLabel(s); s == "" {
			break
		}
		if s[0] != '=' {
			_, s, _ = strings.Cut(s, " ")
			continue
		}
		var field string
		field, s, _ = strings.Cut(s[1:], " ")
		if m := perfMetric(label, field); m != nil {
			metrics = append(metrics, m)
		}
	}
	return metrics
}

// perfLabel cuts the label off, which may be in quotes that double for themselves.
func perfLabel(s string) (label, rest string) {
	if s[0] != '\'' {
		end := strings.IndexAny(s, "= ")
		if end < 0 {
			return s, ""
		}
		return s[:end], s[end:]
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '\'' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		return b.String(), s[i+1:]
	}
	return b.String(), ""
}

func perfMetric(label, field string) *value.Map {
	parts := strings.Split(field, ";")
	end := strings.LastIndexAny(parts[0], "0123456789.") + 1
	number, ok := perfNumber(parts[0][:end])
	if !ok || label == "" {
		return nil
	}
	sym := func(s string) value.Symbol { return value.Symbol(s) }
	m := value.NewMap(sym("label"), label, sym("value"), number)
	if unit := parts[0][end:]; unit != "" {
		m.Set(sym("unit"), unit)
	}
	for i, name := range [...]string{"warn", "crit", "min", "max"} {
		if i+1 >= len(parts) || parts[i+1] == "" {
			continue
		}
		if n, ok := perfNumber(parts[i+1]); ok {
			m.Set(sym(name), n)
		} else if i < 2 {
			m.Set(sym(name), parts[i+1]) // a range, like 10:20
		}
	}
	return m
}

func perfNumber(s string) (any, bool) {
	s = strings.Replace(s, ",", ".", 1)
	if s == "" || len(s) > 64 || strings.Trim(s, "0123456789.+-eE") != "" {
		return nil, false
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

// CheckDefinition is that of a plugin whose descriptor declares no actions.
func CheckDefinition(name string) (*ddl.Definition, error) {
	return native(name, map[string]any{"actions": map[string]any{nagiosAction: map[string]any{
		"description": "Run the check", "display": "always",
		"input": map[string]any{ArgsInput: map[string]any{"type": "any", "description": "Further arguments: a list, or a text of words", "required": false}},
		"output": map[string]any{
			"exitcode": map[string]any{"type": "integer", "description": "0 ok, 1 warning, 2 critical, 3 unknown", "display_as": "Exit Code"},
			"output":   map[string]any{"type": "string", "description": "What the check says", "display_as": "Output"},
			"perfdata": map[string]any{"type": "string", "description": "Performance data as printed", "display_as": "Performance Data"},
			"metrics":  map[string]any{"type": "array", "description": "Performance data as numbers", "display_as": "Metrics"},
		},
	}}})
}
