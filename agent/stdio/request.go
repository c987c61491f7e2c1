package stdio

import (
	"encoding/json"
	"strconv"
	"strings"

	"mcollective/internal/yaml"
	"mcollective/rpc"
	"mcollective/value"
)

// A Request is a call of an action as a program reads it.
type Request struct {
	Type       string         `json:"type,omitempty"` // "request" for a worker
	ID         string         `json:"id"`
	Agent      string         `json:"agent"`
	Action     string         `json:"action"`
	Caller     string         `json:"caller"`
	Sender     string         `json:"sender"`
	Collective string         `json:"collective"`
	Noop       bool           `json:"noop"`
	Time       int64          `json:"time"`     // when it was sent, in seconds since 1970
	TTL        int64          `json:"ttl"`      // seconds
	Deadline   float64        `json:"deadline"` // in seconds since 1970
	Data       map[string]any `json:"data"`     // inputs

	Silent bool `json:"-"` // the caller wants no reply
}

// SetInputs takes the inputs that the caller gave. What clients add for nodes is
// not among them; a symbol wins over a string of the same name.
func (r *Request) SetInputs(from *rpc.Request) {
	r.Data = make(map[string]any, from.Data.Len())
	for k, v := range from.Data.All() {
		name := KeyText(k)
		if _, there := r.Data[name]; there {
			if _, isSymbol := k.(value.Symbol); !isSymbol {
				continue
			}
		}
		if name != "process_results" {
			r.Data[name] = value.ForJSON(v)
		}
	}
	noop, _ := from.Input("noop")
	r.Noop, r.Silent = noop == true || noop == "true", from.Silent
}

// Encode writes the request as one message, without its end.
func (r *Request) Encode(form Form) ([]byte, error) {
	b, err := ToJSON(r)
	if err != nil || form != YAML {
		return b, err
	}
	var m map[string]any
	dec := json.NewDecoder(strings.NewReader(string(b)))
	dec.UseNumber()
	if err := dec.Decode(&m); err != nil {
		return nil, err
	}
	return yaml.Marshal(numbers(m))
}

// numbers makes Go's numbers of JSON's, which YAML would quote.
func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		return number(string(v))
	case map[string]any:
		for k, e := range v {
			v[k] = numbers(e)
		}
	case []any:
		for i, e := range v {
			v[i] = numbers(e)
		}
	}
	return v
}

// Environ returns the request as environment variables.
func (r *Request) Environ() []string {
	env := []string{
		"MCO_AGENT=" + r.Agent, "MCO_ACTION=" + r.Action, "MCO_REQUEST_ID=" + r.ID, "MCO_CALLER=" + r.Caller,
		"MCO_SENDER=" + r.Sender, "MCO_COLLECTIVE=" + r.Collective, "MCO_NOOP=" + strconv.FormatBool(r.Noop),
		"MCO_DEADLINE=" + strconv.FormatInt(int64(r.Deadline), 10),
	}
	for name, v := range r.Data {
		if s, ok := ScalarText(v); ok && IsWord(name) && len(s) <= LongestArgument {
			env = append(env, "MCO_ARG_"+name+"="+s)
		}
	}
	for i, e := range env { // a caller id may hold anything, and the kernel would refuse the whole
		env[i] = strings.ReplaceAll(e, "\x00", "")
	}
	return env
}
