// Package waittest bounds what tests wait for in real time: what does not come
// fails the test and is named. Where testing/synctest can be used, it is better.
package waittest

import (
	"context"
	"testing"
	"time"
)

// Patience is for what must happen, on a machine that is busy with other things.
const Patience = 30 * time.Second

// Until waits for what has no event, such as a file that another process writes.
func Until(t testing.TB, what string, happened func() bool) {
	t.Helper()
	for began := time.Now(); !happened(); time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > Patience {
			t.Fatalf("waited %v for: %s", Patience, what)
		}
	}
}

// Receive returns what comes from a channel, the zero value when it is closed.
func Receive[T any](t testing.TB, what string, from <-chan T) (v T) {
	t.Helper()
	timer := time.NewTimer(Patience)
	defer timer.Stop()
	select {
	case v = <-from:
	case <-timer.C:
		t.Fatalf("waited %v for: %s", Patience, what)
	}
	return v
}

// Return waits until a function returns, such as the Wait of a group.
func Return(t testing.TB, what string, f func()) {
	t.Helper()
	returned := make(chan struct{})
	go func() { defer close(returned); f() }()
	Receive(t, what, returned)
}

// Within returns a context for what must have ended after some time, such as a program.
// Unlike that of the test it is alive while the test cleans up.
func Within(t testing.TB, limit time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), limit)
	t.Cleanup(cancel)
	return ctx
}
