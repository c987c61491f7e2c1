package server

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestLazyTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		p := withLazyTimeout(t.Context(), time.Second)
		if err := p.Err(); err != nil {
			t.Errorf("before anybody waits: %v", err)
		}
		<-p.Done()
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("ended after %v", waited)
		}
		if err := p.Err(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("its error is %v", err)
		}
		p.end()

		// Nobody has called Done, and time is up.
		p = withLazyTimeout(t.Context(), time.Second)
		time.Sleep(time.Second)
		if err := p.Err(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after its time, without Done: %v", err)
		}
		select {
		case <-p.Done():
		default:
			t.Error("it has an error and is not done")
		}
		p.end()
		if err := p.Err(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("its error became %v", err)
		}

		p = withLazyTimeout(t.Context(), time.Hour)
		p.end()
		if err := p.Err(); !errors.Is(err, context.Canceled) {
			t.Errorf("ended early, without Done: %v", err)
		}

		parent, cancel := context.WithCancel(t.Context())
		p = withLazyTimeout(parent, time.Hour)
		defer p.end()
		cancel()
		<-p.Done()
		if err := p.Err(); !errors.Is(err, context.Canceled) {
			t.Errorf("with its parent it ends as %v", err)
		}
	})
}
