package collective

import (
	"testing"

	"mcollective/client"
	"mcollective/internal/cli"
	"mcollective/internal/operation"
)

func TestExitStatusIsRubys(t *testing.T) {
	account := func(replies, failed int) *client.Account {
		a := &client.Account{Replies: replies, Outcomes: map[string]client.Outcome{}, Count: map[client.Outcome]int{client.OK: replies - failed}}
		for i, n := range []string{"a", "b"} {
			switch {
			case i >= replies:
				a.NoResponse = append(a.NoResponse, n)
				a.Outcomes[n] = client.TimedOut
			case i < failed:
				a.Outcomes[n] = client.TimedOut // and the node says so
			default:
				a.Outcomes[n] = client.OK
			}
		}
		return a
	}
	nodes := []string{"a", "b"}
	for _, tc := range []struct {
		name    string
		targets operation.Targets
		account *client.Account
		code    int
	}{
		{"all well", operation.Targets{Nodes: nodes}, account(2, 0), 0},
		{"one silent", operation.Targets{Nodes: nodes}, account(1, 0), 0},
		{"one failed", operation.Targets{Nodes: nodes}, account(2, 1), 2},
		{"none answered", operation.Targets{Nodes: nodes}, account(0, 0), 3},
		{"nobody found", operation.Targets{}, nil, 1},
		{"named and silent", operation.Targets{Nodes: nodes, Named: true}, account(0, 0), 4},
		{"named and failed", operation.Targets{Nodes: nodes, Named: true}, account(1, 1), 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code := 0
			if err := ExitStatus(&tc.targets, tc.account); err != nil {
				code = err.(*cli.ExitError).Code
			}
			if code != tc.code {
				t.Errorf("%s: %d, want %d", tc.name, code, tc.code)
			}
		})
	}
}
