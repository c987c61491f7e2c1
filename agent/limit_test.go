package agent

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestLimitIsADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var l limit
		l.in(t.Context(), time.Second)
		if at, ok := l.Deadline(); !ok || at.Sub(start) != time.Second || l.timed != nil {
			t.Errorf("deadline after %v, and a timer: %v", at.Sub(start), l.timed)
		}
		<-l.Done()
		if waited := time.Since(start); waited != time.Second || !errors.Is(l.Err(), context.DeadlineExceeded) {
			t.Errorf("ended after %v: %v", waited, l.Err())
		}
		l.end()

		// Who only looks sees the end, too.
		l = limit{}
		l.in(t.Context(), time.Second)
		time.Sleep(time.Second)
		if err := l.Err(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after its time: %v", err)
		}
		l.end()
	})
}

func TestLimitEndsWithOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, cancel := context.WithCancel(t.Context())
		var l limit
		l.in(parent, time.Hour)
		cancel()
		<-l.Done()
		if err := l.Err(); !errors.Is(err, context.Canceled) {
			t.Errorf("with its parent: %v", err)
		}
		l.end()

		parent, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		l = limit{}
		l.in(parent, time.Hour)
		start := time.Now()
		if <-l.Done(); time.Since(start) != time.Second {
			t.Errorf("outlives its parent by %v", time.Since(start)-time.Second)
		}
		l.end()

		// What the action left behind and asks later finds it ended.
		l = limit{}
		l.in(t.Context(), time.Hour)
		l.end()
		select {
		case <-l.Done():
		default:
			t.Error("still open when the call is over")
		}
	})
}

type key struct{}

func TestContextsFromALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l limit
		l.in(context.WithValue(t.Context(), key{}, "of the node"), time.Second)
		if v := l.Value(key{}); v != "of the node" {
			t.Errorf("%v", v)
		}
		child, cancel := context.WithCancel(&l)
		defer cancel()
		// No goroutine has to run for the child to see this.
		l.end()
		if child.Err() == nil || child.Value(key{}) != "of the node" {
			t.Errorf("child: %v, %v", child.Err(), child.Value(key{}))
		}
	})
}
