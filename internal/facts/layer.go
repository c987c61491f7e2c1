package facts

import (
	"context"
	"log/slog"
	"time"
)

// A layer is one source of facts with its own clock.
type layer struct {
	name string
	// load reads the source. A nil Set keeps the last one.
	load func(context.Context) (Set, error)
	// changed is a quick look whether load would give something else; nil is
	// never.
	changed func() bool
	// every is the longest time between loads, poll the time between looks.
	every, poll time.Duration
	log         *slog.Logger

	publish func(Set)
	first   chan struct{}      // closed after the first load
	now     chan chan struct{} // asks for a load and is told when it is done
	failure string             // the error last logged
}

func newLayer(name string, o Options, load func(context.Context) (Set, error)) *layer {
	return &layer{
		name: name, load: load, every: o.CacheTime, log: o.Logger,
		first: make(chan struct{}), now: make(chan chan struct{}),
	}
}

// run loads the source until the context ends.
func (l *layer) run(ctx context.Context) {
	l.reload(ctx)
	close(l.first)
	tick := l.every
	if l.changed != nil && l.poll < tick {
		tick = l.poll
	}
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	last := time.Now()
	for {
		var told chan struct{}
		select {
		case <-ctx.Done():
			return
		case told = <-l.now:
		case <-ticker.C:
			if time.Since(last) < l.every && (l.changed == nil || !l.changed()) {
				continue
			}
		}
		l.reload(ctx)
		last = time.Now() // after an error too: it is tried again in its turn
		if told != nil {
			close(told)
		}
	}
}

// reload loads once. An error is logged when it is new, not each time.
func (l *layer) reload(ctx context.Context) {
	set, err := l.load(ctx)
	if ctx.Err() != nil {
		return
	}
	if err == nil {
		if l.failure != "" {
			l.log.Info("facts can be read again", "source", l.name)
		}
		l.failure = ""
	} else if text := err.Error(); text != l.failure {
		l.failure = text
		l.log.Error("cannot read facts, keeping the last good ones", "source", l.name, "error", err)
	}
	if set != nil {
		l.publish(set)
	}
}
