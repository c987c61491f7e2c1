package daemon

import (
	"context"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

func TestInterruptible(t *testing.T) {
	for name, tt := range map[string]struct {
		signal, stop bool
		released     time.Duration // after the signal or stop
	}{
		"interrupted":          {signal: true, released: repeatAfter},
		"interrupted, stopped": {signal: true, stop: true, released: repeatAfter},
		"stopped":              {stop: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				arrived := make(chan os.Signal, 1)
				begin := time.Now()
				released := time.Duration(-1)
				ctx, stop := interruptible(t.Context(), arrived, func() { released = time.Since(begin) })
				defer stop()
				synctest.Wait()
				if ctx.Err() != nil {
					t.Error("interrupted before any signal")
				}
				if tt.signal {
					arrived <- os.Interrupt
					synctest.Wait()
					if got := context.Cause(ctx); got == nil || got.Error() != "interrupt signal received" {
						t.Errorf("the cause is %v", got)
					}
				}
				if tt.stop {
					stop()
					if ctx.Err() == nil {
						t.Error("stop did not end the context")
					}
				}
				time.Sleep(time.Minute) // virtual
				synctest.Wait()
				if released != tt.released {
					t.Errorf("released after %v, want %v", released, tt.released)
				}
			})
		})
	}
}
