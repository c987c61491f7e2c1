package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// activation is how long an Activator has to decide.
const activation = 2 * time.Second

// ErrDisabled is the reason for which an agent is inactive that was switched off.
var ErrDisabled = errors.New("disabled by the configuration")

// Activate separates the agents that can work on this machine from those that
// cannot, with the reason. All are asked at the same time; enabled is asked
// first, by name and from many goroutines, whether the configuration wants the
// agent; nil means that it wants all.
func Activate(ctx context.Context, agents map[string]Agent, enabled func(name string) (bool, error)) (active map[string]Agent, inactive map[string]error) {
	var (
		mu   sync.Mutex
		wait sync.WaitGroup
	)
	active, inactive = make(map[string]Agent, len(agents)), map[string]error{}
	for name, a := range agents {
		wait.Go(func() {
			err := usable(ctx, name, a, enabled)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				inactive[name] = err
				return
			}
			active[name] = a
		})
	}
	wait.Wait()
	return active, inactive
}

func usable(ctx context.Context, name string, a Agent, enabled func(string) (bool, error)) error {
	if enabled != nil {
		yes, err := enabled(name)
		if err != nil {
			return err
		}
		if !yes {
			return ErrDisabled
		}
	}
	if asks, ok := a.(Activator); ok {
		return Ask(ctx, asks)
	}
	return nil
}

// Ask asks one Activator. It does not wait for one that does not heed the end of
// its two seconds, and takes a panic for a no.
func Ask(ctx context.Context, a Activator) error {
	ctx, cancel := context.WithTimeout(ctx, activation)
	defer cancel()
	answer := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				answer <- fmt.Errorf("broke when it was asked whether it can work here: %v", p)
			}
		}()
		answer <- a.Active(ctx)
	}()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return fmt.Errorf("did not tell within %v whether it can work here", activation)
	}
}
