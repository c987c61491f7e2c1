package psk

import (
	"bytes"
	"context"
	"encoding/hex"
	"os"
	"strings"
	"testing"
	"time"

	"mcollective/filter"
	"mcollective/message"
	"mcollective/message/wire"
	"mcollective/security"
	"mcollective/value"
)

// TestExampleOfTheDocs holds the worked example of docs/wire.md to the code: its
// first hexdump is the request that its text describes, its second the reply.
func TestExampleOfTheDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/wire.md")
	if err != nil {
		t.Fatal(err)
	}
	dumps := hexdumps(t, string(page))
	if len(dumps) != 2 {
		t.Fatalf("%d hexdumps in docs/wire.md, want 2", len(dumps))
	}
	p, err := New(Options{Secret: "only for this example", Identity: "n1.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	p.caller = "uid=1000"
	r := &message.Request{ID: "0f4b21c83ad6506c9c2b61e07d5a94f8", Collective: "mcollective", Agent: "discovery", Sender: "client.example.com",
		Time: time.Unix(1795336394, 0).UTC(), TTL: 60 * time.Second, Body: "ping"}
	payload, err := p.EncodeRequest(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(payload.Data, dumps[0]) {
		t.Errorf("the request is\n%s", hex.Dump(payload.Data))
	}
	if got, err := p.DecodeRequest(context.Background(), security.Payload{Data: dumps[0]}, message.Origin{}); err != nil || got.Body != "ping" || got.Caller != "uid=1000" {
		t.Errorf("the request of the page: %+v, %v", got, err)
	}
	payload, err = p.EncodeReply(context.Background(), r, &message.Reply{Time: time.Unix(1795336395, 0), Body: "pong"})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(payload.Data, dumps[1]) {
		t.Errorf("the reply is\n%s", hex.Dump(payload.Data))
	}
	if _, proof, err := p.prove("ping"); err != nil || !strings.Contains(string(page), proof) {
		t.Error("the hash of the example's body is not on the page")
	}
}

// The examples in JSON: both sides of each pair are what the code makes of the text.
func TestJSONExamplesOfTheDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/wire.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "### The same in JSON\n")
	var examples []string
	for _, block := range strings.Split(section, "```json\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		examples = append(examples, strings.ReplaceAll(strings.TrimSpace(block), "\n ", ""))
	}
	if len(examples) != 4 {
		t.Fatalf("%d examples in JSON in docs/wire.md, want 4", len(examples))
	}
	p, err := New(Options{Secret: "only for this example", Identity: "n1.example.com", Serializer: wire.JSON})
	if err != nil {
		t.Fatal(err)
	}
	p.caller = "uid=1000"
	sent, replied := time.Unix(1795336394, 0).UTC(), time.Unix(1795336395, 0)
	for i, c := range []struct {
		id, agent   string
		filter      filter.Filter
		body, reply any
	}{
		{"0f4b21c83ad6506c9c2b61e07d5a94f8", "discovery", filter.Filter{}, "ping", "pong"},
		{"5e0c9a1b7d2453f08a6b4c3d2e1f0a9b", "echo", filter.Filter{Agents: []filter.Pattern{{Text: "echo"}}},
			value.NewMap("agent", "echo", "action", "say", "caller", "uid=1000", "data", value.NewMap("text", "hi", "process_results", true)),
			value.NewMap("statuscode", int64(0), "statusmsg", "OK", "data", value.NewMap("said", "hi"))},
	} {
		t.Run(c.id, func(t *testing.T) {
			r := &message.Request{ID: c.id, Collective: "mcollective", Agent: c.agent, Sender: "client.example.com", Filter: c.filter,
				Time: sent, TTL: 60 * time.Second, Body: c.body}
			payload, err := p.EncodeRequest(context.Background(), r)
			if err != nil {
				t.Fatal(err)
			}
			if string(payload.Data) != examples[2*i] {
				t.Errorf("the request to agent %s is\n%s", c.agent, payload.Data)
			}
			payload, err = p.EncodeReply(context.Background(), r, &message.Reply{Time: replied, Body: c.reply})
			if err != nil {
				t.Fatal(err)
			}
			if string(payload.Data) != examples[2*i+1] {
				t.Errorf("the reply of agent %s is\n%s", c.agent, payload.Data)
			}
		})
	}
}

// hexdumps reads the fenced blocks of a page that are marked as such.
func hexdumps(t *testing.T, page string) [][]byte {
	var dumps [][]byte
	for _, block := range strings.Split(page, "```hexdump\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		var b []byte
		for _, line := range strings.Split(strings.TrimSpace(block), "\n") {
			digits, _, _ := strings.Cut(line[len("00000000  "):], "|")
			row, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			b = append(b, row...)
		}
		dumps = append(dumps, b)
	}
	return dumps
}
