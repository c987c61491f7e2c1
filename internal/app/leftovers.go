package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"mcollective/internal/run"
)

// endTimeout bounds how long a node that ends waits for the programs that it ends.
const endTimeout = 10 * time.Second

// rememberPrograms has the node find what it leaves running when it is killed, and
// sees to what it left the last time: programs that must not be broken off are left
// to finish, the others are ended. The records are in dir. forget ends that.
func rememberPrograms(ctx context.Context, dir string, log *slog.Logger) (forget func()) {
	left, stop, err := run.Remember(dir, func(err error) { log.Warn("program is not recorded", "error", err) })
	if err != nil {
		log.Warn("programs that this node leaves running when it is killed will not be found", "error", err)
		return stop
	}
	ctx, cancel := context.WithCancel(ctx)
	var wait sync.WaitGroup
	for _, l := range left {
		wait.Go(func() { handleLeftover(ctx, l, log) })
	}
	return func() {
		cancel()
		wait.Wait()
		stop()
	}
}

func handleLeftover(ctx context.Context, l *run.Leftover, log *slog.Logger) {
	if l.Err != nil {
		log.Warn("program that an earlier run of this node may have left is not known", "error", l.Err)
		return
	}
	log = log.With("program", l.Path, "pid", l.PID, "started_for", l.For, "started_at", l.Began.Format(time.RFC3339))
	if l.Protected {
		log.Warn("program that an earlier run of this node left is still running and is left to finish")
		if l.Wait(ctx) == nil {
			log.Info("program that an earlier run of this node left has finished")
		}
		return
	}
	log.Warn("program that an earlier run of this node left is being ended")
	n, err := l.End(ctx)
	switch {
	case err == nil:
		log.Info("program that an earlier run of this node left has been ended", "processes", n)
	case !errors.Is(err, context.Canceled):
		log.Error("program that an earlier run of this node left cannot be ended", "error", err)
	}
}

// endPrograms ends what agents still run, as far as it may be broken off.
func endPrograms(log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), endTimeout)
	defer cancel()
	if err := run.EndAll(ctx); err != nil {
		log.Warn("programs outlive this node; its next start ends them", "error", err)
	}
}
