//go:build unix

package daemon

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestSignals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		arrived := make(chan os.Signal)
		var mu sync.Mutex
		var got []string
		note := func(s string) func() {
			return func() { mu.Lock(); defer mu.Unlock(); got = append(got, s) }
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			loop(ctx, arrived, Actions{
				Reload: note("reload"), CycleLevel: note("level"), Reopen: note("reopen"), Stop: note("stop"), Abort: note("abort"),
			})
		}()
		for _, s := range []os.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT, syscall.SIGURG} {
			arrived <- s
			synctest.Wait()
		}
		for range 3 { // a process group, timeout(1) and a service manager: one request
			arrived <- syscall.SIGTERM
			synctest.Wait()
		}
		time.Sleep(repeatAfter) // virtual
		note("later")()
		arrived <- syscall.SIGINT
		synctest.Wait()
		cancel()
		<-done
		want := []string{"reload", "level", "reopen", "reload", "stop", "later", "abort"}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestSlowReloadHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		arrived := make(chan os.Signal)
		reloads := 0
		var stopped time.Time
		done := make(chan struct{})
		go func() {
			defer close(done)
			loop(ctx, arrived, Actions{
				Reload: func() { reloads++; time.Sleep(time.Hour) },
				Stop:   func() { stopped = time.Now() },
			})
		}()
		begin := time.Now()
		for range 5 {
			arrived <- syscall.SIGUSR1
			synctest.Wait()
		}
		arrived <- syscall.SIGTERM
		synctest.Wait()
		if !stopped.Equal(begin) {
			t.Errorf("stop came after %v", stopped.Sub(begin))
		}
		time.Sleep(3*time.Hour + time.Minute)
		synctest.Wait()
		if reloads != 2 {
			t.Errorf("%d reloads, want the first and one for all that came meanwhile", reloads)
		}
		cancel()
		<-done
	})
}

func TestRealSignal(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got := make(chan struct{})
	var once sync.Once
	// Until Watch has taken it over, the signal would end this process.
	guard := make(chan os.Signal, 1)
	signal.Notify(guard, syscall.SIGUSR2)
	defer signal.Stop(guard)
	done := make(chan struct{})
	go func() { defer close(done); Watch(ctx, Actions{CycleLevel: func() { once.Do(func() { close(got) }) }}) }()
	for {
		if err := syscall.Kill(os.Getpid(), syscall.SIGUSR2); err != nil {
			t.Fatal(err)
		}
		select {
		case <-got:
			cancel()
			<-done
			return
		case <-time.After(time.Millisecond): // it was not there yet
		}
	}
}
