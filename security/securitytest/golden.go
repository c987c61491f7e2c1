package securitytest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mcollective/marshal"
	"mcollective/value"
)

// A Capture is what an independent Ruby script found in a payload that Ruby
// MCollective 2.12.5 sent: the content of a .json file.
type Capture struct {
	Envelope map[string]any `json:"envelope"`
	Inner    any            `json:"inner"`
}

// Captures calls f for each captured payload of a kind, "request" or "reply", in the
// directories under testdata that match a pattern.
func Captures(t *testing.T, pattern, kind string, f func(t *testing.T, data []byte, c Capture)) {
	t.Helper()
	files, _ := filepath.Glob("testdata/" + pattern + "/*." + kind + ".bin")
	if len(files) < 3 {
		t.Fatalf("%d captures of kind %s", len(files), kind)
	}
	for _, file := range files {
		t.Run(strings.TrimPrefix(strings.TrimSuffix(file, "."+kind+".bin"), "testdata/"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(strings.TrimSuffix(file, "bin") + "json")
			if err != nil {
				t.Fatal(err)
			}
			var c Capture
			d := json.NewDecoder(bytes.NewReader(text))
			d.UseNumber()
			if err := d.Decode(&c); err != nil {
				t.Fatal(err)
			}
			c.Inner = floats(c.Inner)
			f(t, data, c)
		})
	}
}

// Unlinked is data with each link replaced by a copy of what it refers to.
func Unlinked(t *testing.T, data []byte) []byte {
	v, err := marshal.DefaultPolicy.UnmarshalValue(data)
	if err != nil {
		t.Fatal(err)
	}
	v.Node = copied(v.Node)
	out, err := marshal.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func copied(v any) any {
	switch v := v.(type) {
	case *value.Array:
		c := *v
		c.Items = make([]any, len(v.Items))
		for i := range v.Items {
			c.Items[i] = copied(v.Items[i])
		}
		return &c
	case *value.Map:
		c := *v
		c.Pairs = make([]value.Pair, len(v.Pairs))
		for i, p := range v.Pairs {
			c.Pairs[i] = value.Pair{Key: copied(p.Key), Value: copied(p.Value)}
		}
		return &c
	case *value.String:
		c := *v
		return &c
	case *value.Regexp:
		c := *v
		return &c
	case *big.Int:
		return new(big.Int).Set(v)
	}
	return v
}

// floats makes floats of the numbers with a dot, so that their spelling is no
// matter.
func floats(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = floats(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = floats(v[k])
		}
	case json.Number:
		if strings.Contains(v.String(), ".") {
			f, _ := v.Float64()
			return f
		}
	}
	return v
}

// View returns a value as the .json files show it.
func View(v any) any {
	switch v := v.(type) {
	case value.Symbol:
		return ":" + string(v)
	case string:
		return v
	case value.Binary:
		return map[string]any{"!b64": base64.StdEncoding.EncodeToString([]byte(v))}
	case *value.String: // the captures have none but Latin-1
		latin := []rune{}
		for _, b := range []byte(v.Bytes) {
			latin = append(latin, rune(b))
		}
		return string(latin)
	case *value.Regexp:
		return map[string]any{"!regexp": v.Source, "options": json.Number(fmt.Sprint(v.Options & 7))}
	case int64:
		if v >= 1<<53 || v < -1<<53 {
			return map[string]any{"!int": fmt.Sprint(v)}
		}
		return json.Number(fmt.Sprint(v))
	case *big.Int:
		return map[string]any{"!int": v.String()}
	case float64:
		return v
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = View(v[i])
		}
		return list
	case *value.Map:
		m := map[string]any{}
		for k, x := range v.All() {
			switch k := k.(type) {
			case string, value.Symbol:
				m[View(k).(string)] = View(x)
			case nil:
				m["!nil"] = View(x)
			default:
				m["!"+fmt.Sprint(k)] = View(x)
			}
		}
		return m
	}
	return v
}
