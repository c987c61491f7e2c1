// Package timelimittest checks that a caller of plugins keeps the contract of package timelimit.
package timelimittest

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mcollective/internal/timelimit"
)

// Limit is the time limit of the plugin under test.
const Limit = 2 * time.Second

// A Code is what a plugin does in one call.
type Code func(ctx context.Context) error

// A Caller makes a plugin with the time limit Limit that runs code in each call,
// and returns how it is called: with the text of its failure, "" for none.
type Caller func(t *testing.T, code Code) (call func(context.Context) string)

// Run runs the suite. busy is how many calls may run on before others are refused.
func Run(t *testing.T, busy int, caller Caller) {
	for name, test := range map[string]func(*testing.T, int, Caller){
		"in time": inTime, "heeds its limit": heedsLimit, "ends in the grace": endsInGrace, "does not heed its limit": runsOn,
		"shorter deadline of the caller": shorterDeadline, "caller stops": callerStops, "panic": panics, "ends its goroutine": ends,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, busy, caller) })
		})
	}
}

// timed calls and checks how long that took.
func timed(t *testing.T, ctx context.Context, call func(context.Context) string, least, most time.Duration) string {
	t.Helper()
	began := time.Now()
	text := call(ctx)
	if took := time.Since(began); took < least || took > most {
		t.Errorf("the call returned %q after %v, want %v to %v", text, took, least, most)
	}
	return text
}

func wantText(t *testing.T, got, want string) {
	t.Helper()
	if !strings.Contains(strings.ToLower(got), want) {
		t.Errorf("failure is %q, want it to say %q", got, want)
	}
}

func inTime(t *testing.T, _ int, caller Caller) {
	call := caller(t, func(ctx context.Context) error {
		if end, ok := ctx.Deadline(); !ok || time.Until(end) != Limit {
			t.Errorf("deadline of the code is %v, %v", end, ok)
		}
		time.Sleep(Limit - 1)
		return ctx.Err()
	})
	if text := timed(t, t.Context(), call, Limit-1, Limit-1); text != "" {
		t.Errorf("failure is %q", text)
	}
	failing := caller(t, func(context.Context) error { return errors.New("no disk") })
	wantText(t, timed(t, t.Context(), failing, 0, 0), "no disk")
}

func heedsLimit(t *testing.T, _ int, caller Caller) {
	call := caller(t, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	for range 100 { // never mistaken for one that runs on
		wantText(t, timed(t, t.Context(), call, Limit, Limit), "timed out")
	}
}

func endsInGrace(t *testing.T, _ int, caller Caller) {
	call := caller(t, func(ctx context.Context) error {
		<-ctx.Done()
		time.Sleep(timelimit.Grace / 2)
		return nil
	})
	if text := timed(t, t.Context(), call, Limit, Limit+timelimit.Grace); text != "" {
		t.Errorf("what the code found in its grace does not count: %q", text)
	}
}

func runsOn(t *testing.T, busy int, caller Caller) {
	release := make(chan struct{})
	call := caller(t, func(context.Context) error { <-release; return nil })
	for range busy {
		wantText(t, timed(t, t.Context(), call, Limit, Limit+timelimit.Grace), "timed out")
	}
	wantText(t, timed(t, t.Context(), call, 0, 0), "busy")
	close(release)
	synctest.Wait()
	if text := call(t.Context()); text != "" {
		t.Errorf("once the others have ended: %q", text)
	}
}

func shorterDeadline(t *testing.T, _ int, caller Caller) {
	call := caller(t, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	ctx, cancel := context.WithTimeout(t.Context(), Limit/2)
	defer cancel()
	wantText(t, timed(t, ctx, call, Limit/2, Limit/2), "timed out")
}

func callerStops(t *testing.T, _ int, caller Caller) {
	release := make(chan struct{})
	defer close(release)
	for _, code := range []Code{
		func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		func(context.Context) error { <-release; return nil },
	} {
		call := caller(t, code)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(Limit/2, cancel)
		wantText(t, timed(t, ctx, call, Limit/2, Limit/2+timelimit.Grace), "broken off")
	}
}

func panics(t *testing.T, busy int, caller Caller) {
	call := caller(t, func(context.Context) error { panic("oh") })
	for range busy + 1 { // it has ended, and is none of those that run on
		wantText(t, timed(t, t.Context(), call, 0, 0), "broke")
	}
}

// ends is code that neither returns nor panics.
func ends(t *testing.T, _ int, caller Caller) {
	call := caller(t, func(context.Context) error {
		runtime.Goexit()
		return nil
	})
	wantText(t, timed(t, t.Context(), call, 0, 0), "broke")
}
