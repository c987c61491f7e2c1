package waittest

import (
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// failing is a test that takes note of its failure.
type failing struct {
	testing.TB
	said string
}

func (*failing) Helper() {}

func (f *failing) Fatalf(format string, args ...any) {
	f.said = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func TestWhatComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		Until(t, "a second", func() bool { return time.Since(began) >= time.Second })
		c := make(chan int)
		go func() { time.Sleep(time.Second); c <- 7; close(c) }()
		if got := Receive(t, "a number", c); got != 7 {
			t.Error(got)
		}
		Receive(t, "the end", c)
		Return(t, "a pause", func() { time.Sleep(time.Second) })
		if took := time.Since(began).Round(time.Second); took != 3*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestWhatDoesNotComeIsNamed(t *testing.T) {
	for what, wait := range map[string]func(testing.TB){
		"a miracle": func(t testing.TB) { Until(t, "a miracle", func() bool { return false }) },
		"a word":    func(t testing.TB) { Receive(t, "a word", make(chan string)) },
		"the end":   func(t testing.TB) { Return(t, "the end", func() { time.Sleep(time.Hour) }) },
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, began, done := &failing{}, time.Now(), make(chan struct{})
				go func() { defer close(done); wait(f) }()
				<-done
				if f.said != "waited 30s for: "+what || time.Since(began).Round(time.Second) != Patience {
					t.Errorf("after %v: %s", time.Since(began), f.said)
				}
				time.Sleep(time.Hour) // until the last one returns
			})
		})
	}
}
