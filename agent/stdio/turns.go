package stdio

import (
	"context"
	"time"
)

// turns let so many calls run at once; nil is no limit.
type turns chan struct{}

func newTurns(most int) turns {
	if most == 0 {
		return nil
	}
	return make(turns, most)
}

// take waits for a turn and reports whether there was one before ctx ended. Whoever
// has it gives it back by release.
func (t turns) take(ctx context.Context) bool {
	if t == nil {
		return true
	}
	select {
	case t <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (t turns) release() {
	if t != nil {
		<-t
	}
}

// half ends when half of the time is over that ctx has left. Who waits no longer has
// time to do what he waited for.
func half(ctx context.Context) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(end)/2)
}
