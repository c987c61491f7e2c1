package stomp

import "time"

// Backoff says how long to wait between rounds of attempts. Each wait is a
// random part of the delay, from nothing to the whole, so that nodes that lost
// their broker together do not come back together.
type Backoff struct {
	Initial    time.Duration // the first delay. Default 10 ms
	Max        time.Duration // the longest. Default 30 s
	Multiplier float64       // how a delay grows to the next one. Default 2
	Constant   bool          // do not grow: every delay is Initial
}

func (b Backoff) withDefaults() Backoff {
	positive(&b.Initial, 10*time.Millisecond)
	positive(&b.Max, 30*time.Second)
	if b.Multiplier < 1 {
		b.Multiplier = 2
	}
	b.Initial = min(b.Initial, b.Max)
	return b
}

// after returns the delay that follows one of d; the first follows 0.
func (b Backoff) after(d time.Duration) time.Duration {
	if d <= 0 || b.Constant {
		return b.Initial
	}
	if next := float64(d) * b.Multiplier; next < float64(b.Max) {
		return time.Duration(next)
	}
	return b.Max
}

// stable is how long a connection has to hold, at the least, for the next loss to
// be met with the first delay again. A broker that lets us in and throws us
// out at once is thus tried ever more rarely.
const stable = 2 * time.Second
