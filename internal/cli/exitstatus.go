package cli

import (
	"mcollective/client"
	"mcollective/internal/operation"
)

// exitStatus is the exit code of a command that called an action, as Ruby computes it.
func exitStatus(t *operation.Targets, account *client.Account) error {
	replies, failed := 0, 0
	if account != nil {
		replies = account.Replies
		// Whoever answered, and not with success.
		failed = len(account.Outcomes) - len(account.NoResponse) - account.Count[client.OK]
	}
	switch {
	case t.Named && replies == 0:
		return exit(exitNothingBack)
	case len(t.Nodes) > 0 && replies == 0:
		return exit(exitNoReplies)
	case len(t.Nodes) > 0 && failed > 0:
		return exit(exitSomeFailed)
	case len(t.Nodes) == 0 && replies == 0:
		return exit(exitFailed)
	}
	return nil
}
