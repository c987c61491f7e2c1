package securitytest_test

import (
	"context"
	"errors"
	"testing"

	"mcollective/message"
	"mcollective/security"
	"mcollective/security/psk"
	"mcollective/security/securitytest"
)

// A revoker is a node that refuses everybody whom it knows.
type revoker struct{ security.Node }

func (n revoker) DecodeRequest(ctx context.Context, p security.Payload, o message.Origin) (*message.Request, error) {
	r, err := n.Node.DecodeRequest(ctx, p, o)
	if err != nil {
		return nil, err
	}
	return nil, &security.Refusal{Request: r, Reason: message.Denied, Err: errors.New("its credential was revoked")}
}

// The suite passes for a provider that refuses some of those whom it knows.
func TestRefused(t *testing.T) {
	pair := func(secret string) func(testing.TB) (security.Client, security.Node) {
		return func(t testing.TB) (security.Client, security.Node) {
			t.Helper()
			p, err := psk.New(psk.Options{Secret: secret, Identity: "node.example.com", CallerType: "identity"})
			if err != nil {
				t.Fatal(err)
			}
			return p, p
		}
	}
	securitytest.Run(t, securitytest.Suite{
		New:      pair("a secret"),
		Stranger: pair("another secret"),
		Refused: func(t testing.TB) (security.Client, security.Node) {
			c, n := pair("a secret")(t)
			return c, revoker{n}
		},
	})
}
