package daemon

import (
	"context"
	"log/slog"
)

// WatchUntil listens for signals until the function that it returns was called.
func WatchUntil(ctx context.Context, actions Actions) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		Watch(ctx, actions)
	}()
	return func() {
		cancel()
		<-ended
	}
}

// LogNotified logs that systemd could not be told something.
func LogNotified(log *slog.Logger, err error) {
	if err != nil {
		log.Warn("systemd not notified", "error", err)
	}
}
