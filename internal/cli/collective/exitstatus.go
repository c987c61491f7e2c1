package collective

import (
	"mcollective/client"
	"mcollective/internal/cli"
	"mcollective/internal/operation"
)

// ExitStatus is the exit code of a command that called an action, as Ruby computes it.
func ExitStatus(t *operation.Targets, account *client.Account) error {
	replies, failed := 0, 0
	if account != nil {
		replies = account.Replies
		// Nodes that answered, and not with success.
		failed = len(account.Outcomes) - len(account.NoResponse) - account.Count[client.OK]
	}
	switch {
	case t.Named && replies == 0:
		return cli.Exit(cli.ExitNothingBack)
	case len(t.Nodes) > 0 && replies == 0:
		return cli.Exit(cli.ExitNoReplies)
	case len(t.Nodes) > 0 && failed > 0:
		return cli.Exit(cli.ExitSomeFailed)
	case len(t.Nodes) == 0 && replies == 0:
		return cli.Exit(cli.ExitFailed)
	}
	return nil
}
