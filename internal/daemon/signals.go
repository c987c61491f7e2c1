package daemon

import (
	"context"
	"os"
	"os/signal"
	"time"
)

// Actions are called by signals; nil ones are ignored.
type Actions struct {
	Reload     func() // USR1, HUP: read again what is on disk
	CycleLevel func() // USR2: the next log level
	Reopen     func() // WINCH: log files were rotated
	Stop       func() // TERM, INT: finish what is under way and end
	Abort      func() // TERM, INT again, repeatAfter or later: end at once
}

// Watch calls the actions for the signals that arrive until ctx ends. Reload is
// called beside the others, since it may take long and must not hold up Stop;
// signals that arrive while it runs make it run once more.
func Watch(ctx context.Context, a Actions) {
	arrived := make(chan os.Signal, 8)
	signal.Notify(arrived, watched()...)
	defer signal.Stop(arrived)
	loop(ctx, arrived, a)
}

// loop is Watch for signals from anywhere.
func loop(ctx context.Context, arrived <-chan os.Signal, a Actions) {
	reload := make(chan struct{}, 1)
	reloads := make(chan struct{})
	go func() {
		defer close(reloads)
		for range reload {
			call(a.Reload)
		}
	}()
	defer func() { close(reload); <-reloads }()

	var stopped time.Time
	for {
		var s os.Signal
		select {
		case <-ctx.Done():
			return
		case s = <-arrived:
		}
		switch meaning(s) {
		case "reload":
			select {
			case reload <- struct{}{}:
			default: // one that has not begun yet will see everything
			}
		case "level":
			call(a.CycleLevel)
		case "reopen":
			call(a.Reopen)
		case "stop":
			switch {
			case stopped.IsZero():
				stopped = time.Now()
				call(a.Stop)
			case time.Since(stopped) >= repeatAfter:
				call(a.Abort)
			}
		}
	}
}

func call(f func()) {
	if f != nil {
		f()
	}
}
