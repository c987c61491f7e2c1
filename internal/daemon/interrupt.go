package daemon

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"time"
)

// repeatAfter is the time from which on a second signal to stop is one of its
// own. Sooner it is the same request: timeout(1) signals its child and then its
// process group, and Ctrl-C reaches a whole pipeline, whose members may pass it on.
const repeatAfter = 500 * time.Millisecond

// Interruptible returns a context that ends when the process is asked to stop, by
// Ctrl-C or TERM. The request that arrives repeatAfter or later ends the process.
// stop releases the signals: they have their default meaning when it returns, or,
// if one has just arrived, repeatAfter that.
func Interruptible(parent context.Context) (ctx context.Context, stop context.CancelFunc) {
	arrived := make(chan os.Signal, 1)
	signal.Notify(arrived, stopSignals()...)
	return interruptible(parent, arrived, func() { signal.Stop(arrived) })
}

// interruptible is Interruptible for signals from anywhere.
func interruptible(parent context.Context, arrived <-chan os.Signal, release func()) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case s := <-arrived:
			time.AfterFunc(repeatAfter, release)
			cancel(fmt.Errorf("%v signal received", s))
		case <-ctx.Done():
			release()
		}
	}()
	return ctx, func() {
		cancel(nil)
		<-done
	}
}
