package timelimit_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"mcollective/internal/timelimit"
	"mcollective/internal/timelimit/timelimittest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestContract(t *testing.T) {
	timelimittest.Run(t, 3, func(t *testing.T, code timelimittest.Code) func(context.Context) string {
		l := &timelimit.Limiter{MaxOverdue: 3}
		return func(ctx context.Context) string {
			err := l.Call(ctx, timelimittest.Limit, code)
			var over *timelimit.Overrun
			switch {
			case err == nil:
				return ""
			case errors.As(err, &over) && over.Stopping:
				return "broken off"
			case errors.As(err, &over):
				return "timed out"
			case errors.As(err, new(*timelimit.Panic)):
				return "broke"
			}
			return err.Error()
		}
	})
}

func TestOverrun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &timelimit.Limiter{}
		err := l.Call(t.Context(), time.Second, func(ctx context.Context) error { <-ctx.Done(); return errors.New("half of it is done") })
		if o, ok := err.(*timelimit.Overrun); !ok || o.Running || o.Stopping || fmt.Sprint(o.Err) != "half of it is done" {
			t.Errorf("%#v", err)
		}
		release := make(chan struct{})
		for n := range 2 {
			err = l.Call(t.Context(), time.Second, func(context.Context) error { <-release; return nil })
			if o, ok := err.(*timelimit.Overrun); !ok || !o.Running || o.Overdue != n+1 || o.Limit != time.Second {
				t.Errorf("%#v", err)
			}
		}
		close(release)
	})
}

func TestCloseWaitsForCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idle := 0
		l := &timelimit.Limiter{OnIdle: func() error { idle++; return errors.New("it does not close") }}
		release := make(chan struct{})
		for _, run := range []func(context.Context, time.Duration, func(context.Context) error) error{l.CallInline, l.Call} {
			go run(t.Context(), time.Minute, func(context.Context) error { <-release; return nil })
		}
		synctest.Wait()
		if err := l.Close(); err != nil || idle != 0 {
			t.Errorf("idle %d times under calls; %v", idle, err)
		}
		if err := l.CallInline(t.Context(), time.Minute, func(context.Context) error { return nil }); err != timelimit.ErrClosed {
			t.Error(err)
		}
		close(release)
		synctest.Wait()
		l.Close()
		if idle != 1 {
			t.Errorf("idle %d times", idle)
		}
		if err := (&timelimit.Limiter{OnIdle: l.OnIdle}).Close(); fmt.Sprint(err) != "it does not close" {
			t.Error(err)
		}
	})
}
