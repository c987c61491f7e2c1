package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mcollective/client"
	"mcollective/connector"
	"mcollective/message"
	"mcollective/security"
)

// A sealer is openSecurity that proves where a directed request goes: its sender ends in
// the name of the node.
type sealer struct {
	openSecurity
	refuses string
}

func (s sealer) EncodeDirected(ctx context.Context, r *message.Request) (func(string) (security.Payload, error), error) {
	if _, err := s.EncodeRequest(ctx, r); err != nil {
		return nil, err
	}
	return func(identity string) (security.Payload, error) {
		if identity == s.refuses {
			return security.Payload{}, errors.New("there is no key for this node")
		}
		to := *r
		to.Sender += " to " + identity
		data, err := json.Marshal(&to)
		return security.Payload{Data: data}, err
	}, nil
}

// Each node that is asked by name gets a payload of its own, all of one request; a node
// for which none can be made does not keep the others from theirs.
func TestDirectedRequestsAreMadeForEachNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBroker{script: func(to connector.Target, req *message.Request, answer func(*message.Reply)) {
			if to.Kind == connector.Directed && !strings.HasSuffix(req.Sender, " to "+to.Identity) {
				t.Errorf("%s was sent what is made for another: %s", to.Identity, req.Sender)
			}
			answer(pong(req, to.Identity))
		}}
		c := client.New(b, sealer{refuses: "n2"}, client.Options{Identity: "me"})
		account, err := c.Call(t.Context(), client.Call{Agent: "a", Body: "x", Nodes: []string{"n1", "n2", "n3"}, Direct: true, Timeout: time.Second}, func(client.Answer) {})
		b.running.Wait()
		if err != nil {
			t.Fatal(err)
		}
		if account.Outcomes["n1"] != client.OK || account.Outcomes["n2"] != client.NotSent || account.Outcomes["n3"] != client.OK {
			t.Errorf("outcomes are %v", account.Outcomes)
		}
		for _, r := range b.requests {
			if r.ID != account.RequestID {
				t.Errorf("request %s is not that of the account, %s", r.ID, account.RequestID)
			}
		}
		if len(b.requests) != 2 {
			t.Errorf("%d requests were sent", len(b.requests))
		}
		b.requests = nil
		if _, err := c.Call(t.Context(), client.Call{Agent: "a", Body: "x", Timeout: time.Second}, func(client.Answer) {}); err != nil {
			t.Fatal(err)
		}
		b.running.Wait()
		if len(b.requests) != 1 || b.requests[0].Sender != "me" {
			t.Errorf("the broadcast was %+v", b.requests)
		}
	})
}
