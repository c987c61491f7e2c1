package psk

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"mcollective/marshal"
	"mcollective/message"
	"mcollective/message/wire"
	"mcollective/security"
	"mcollective/value"
)

// The captures under testdata are what Ruby MCollective 2.12.5 sent, and beside
// each what an independent Ruby script found in it.

// capture is the content of a .json file.
type capture struct {
	Envelope map[string]any `json:"envelope"`
	Inner    any            `json:"inner"`
}

func goldenSecret(t testing.TB) string {
	b, err := os.ReadFile("testdata/psk.txt")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(b), "\n")
}

func goldenProvider(t testing.TB) *Provider {
	p, err := New(Options{Secret: goldenSecret(t), Identity: "golden-node"})
	if err != nil {
		t.Fatal(err)
	}
	p.caller = "uid=0" // who made the captures
	return p
}

// golden calls f for each captured payload of a kind.
func golden(t *testing.T, kind string, f func(t *testing.T, data []byte, c capture)) {
	files, _ := filepath.Glob("testdata/psk*/*." + kind + ".bin")
	if len(files) < 5 {
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
			var c capture
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

func TestGoldenRequestsAreUnderstood(t *testing.T) {
	p := goldenProvider(t)
	golden(t, "request", func(t *testing.T, data []byte, c capture) {
		r, err := p.DecodeRequest(context.Background(), security.Payload{Data: data}, message.Origin{})
		if err != nil {
			t.Fatal(err)
		}
		tree, err := wire.FilterTree(&r.Filter)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]any{
			":body": c.Envelope[":body"], ":hash": c.Envelope[":hash"], ":senderid": r.Sender, ":requestid": r.ID, ":filter": view(tree),
			":collective": r.Collective, ":agent": r.Agent, ":callerid": r.Caller,
			":ttl": json.Number(fmt.Sprint(int(r.TTL / time.Second))), ":msgtime": json.Number(fmt.Sprint(r.Time.Unix())),
		}
		if !reflect.DeepEqual(got, c.Envelope) {
			t.Errorf("envelope\n%v\nwant\n%v", got, c.Envelope)
		}
		if body := view(r.Body); !reflect.DeepEqual(body, c.Inner) {
			t.Errorf("body\n%v\nwant\n%v", body, c.Inner)
		}
		if regular := len(r.Filter.Collective) == 0; r.Filter.Irregular == regular {
			t.Errorf("Irregular is %v", r.Filter.Irregular)
		}
	})
}

func TestGoldenRepliesAreUnderstood(t *testing.T) {
	p := goldenProvider(t)
	golden(t, "reply", func(t *testing.T, data []byte, c capture) {
		r, err := p.DecodeReply(context.Background(), answered(p, data), security.Payload{Data: data})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]any{
			":body": c.Envelope[":body"], ":hash": c.Envelope[":hash"], ":senderid": r.Sender, ":requestid": r.RequestID,
			":senderagent": r.Agent, ":msgtime": json.Number(fmt.Sprint(r.Time.Unix())),
		}
		if !reflect.DeepEqual(got, c.Envelope) {
			t.Errorf("envelope\n%v\nwant\n%v", got, c.Envelope)
		}
		if body := view(r.Body); !reflect.DeepEqual(body, c.Inner) {
			t.Errorf("body\n%v\nwant\n%v", body, c.Inner)
		}
	})
}

// TestGoldenBytesAreOurs encodes what was captured again. Where Ruby happens to
// use one object twice it sends a link for the second; which objects those are
// depends on the command, not on the values, so captures with links are compared
// after these were resolved.
func TestGoldenBytesAreOurs(t *testing.T) {
	linked := map[string]bool{}
	golden(t, "request", func(t *testing.T, data []byte, _ capture) {
		r, err := wire.Marshal.DecodeRequest(data)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := wire.Marshal.EncodeRequest(r)
		if err != nil {
			t.Fatal(err)
		}
		linked[t.Name()] = !bytes.Equal(unlinked(t, data), data)
		if linked[t.Name()] {
			ours, data = unlinked(t, ours), unlinked(t, data)
		}
		if !bytes.Equal(ours, data) {
			t.Errorf("ours\n%q\nRuby's\n%q", ours, data)
		}
	})
	golden(t, "reply", func(t *testing.T, data []byte, _ capture) {
		r, err := wire.Marshal.DecodeReply(data)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := wire.Marshal.EncodeReply(r)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(ours, data) {
			t.Errorf("ours\n%q\nRuby's\n%q", ours, data)
		}
	})
	for _, name := range []string{"psk/ping", "psk/combined", "psk/identity-regex", "psk/filter-none", "psk/registration", "psk-rabbitmq/ping"} {
		if was, ok := linked[t.Name()+"/"+name]; !ok || was {
			t.Errorf("%s should be there and have no link, so that it is compared as it was captured", name)
		}
	}
}

// TestGoldenPingIsOurs goes the whole way, from the values to Ruby's bytes.
func TestGoldenPingIsOurs(t *testing.T) {
	p := goldenProvider(t)
	data, err := os.ReadFile("testdata/psk/ping.request.bin")
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.DecodeRequest(context.Background(), security.Payload{Data: data}, message.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	again, err := p.EncodeRequest(context.Background(), r)
	if err != nil || !bytes.Equal(again.Data, data) {
		t.Errorf("request (%v)\n%q\nRuby's\n%q", err, again.Data, data)
	}
	if data, err = os.ReadFile("testdata/psk/ping.reply.bin"); err != nil {
		t.Fatal(err)
	}
	reply, err := p.DecodeReply(context.Background(), answered(p, data), security.Payload{Data: data})
	if err != nil {
		t.Fatal(err)
	}
	again, err = p.EncodeReply(context.Background(), r, reply)
	if err != nil || !bytes.Equal(again.Data, data) {
		t.Errorf("reply (%v)\n%q\nRuby's\n%q", err, again.Data, data)
	}
}

// unlinked is data with each link replaced by a copy of what it refers to.
func unlinked(t *testing.T, data []byte) []byte {
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

// view is a value as the .json files show it.
func view(v any) any {
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
			list[i] = view(v[i])
		}
		return list
	case *value.Map:
		m := map[string]any{}
		for k, x := range v.All() {
			switch k := k.(type) {
			case string, value.Symbol:
				m[view(k).(string)] = view(x)
			case nil:
				m["!nil"] = view(x)
			default:
				m["!"+fmt.Sprint(k)] = view(x)
			}
		}
		return m
	}
	return v
}
