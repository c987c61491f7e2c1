package worker

import "context"

// Turns let so many calls run at once; nil is no limit.
type Turns chan struct{}

// NewTurns returns turns for so many calls; 0 is no limit.
func NewTurns(most int) Turns {
	if most == 0 {
		return nil
	}
	return make(Turns, most)
}

// Take waits for a turn and reports whether there was one before ctx ended. Anyone who
// has it gives it back by Release.
func (t Turns) Take(ctx context.Context) bool {
	if t == nil {
		return true
	}
	select {
	case t <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// Release gives a turn back.
func (t Turns) Release() {
	if t != nil {
		<-t
	}
}
