package server

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// Who asks has at least the time, and at most a quarter more; an ended context is not given out again.
func TestSharedDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := sharedDeadline{atLeast: 4 * time.Second}
		parent, cancel := context.WithCancel(t.Context())
		defer cancel()
		left := func(ctx context.Context) time.Duration {
			t.Helper()
			until, ok := ctx.Deadline()
			if !ok || ctx.Err() != nil {
				t.Fatalf("deadline %v, error %v", ok, ctx.Err())
			}
			return time.Until(until)
		}
		first := d.context(parent)
		if l := left(first); l != 5*time.Second {
			t.Errorf("the first has %v", l)
		}
		time.Sleep(999 * time.Millisecond)
		if second := d.context(parent); second != first {
			t.Error("the second is not the first")
		}
		time.Sleep(time.Millisecond)
		third := d.context(parent)
		if l := left(third); l != 5*time.Second {
			t.Errorf("the third has %v", l)
		}
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if first.Err() != context.DeadlineExceeded || third.Err() != nil {
			t.Errorf("first %v, third %v", first.Err(), third.Err())
		}
		cancel()
		if third.Err() != context.Canceled || d.context(parent).Err() != context.Canceled {
			t.Error("the parent's end is not theirs")
		}
		left(d.context(t.Context()))
		synctest.Wait()
	})
}
