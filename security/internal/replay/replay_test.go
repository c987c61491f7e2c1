package replay

import (
	"errors"
	"strconv"
	"testing"
	"time"
)

func TestSeen(t *testing.T) {
	start := time.Unix(1_800_000_000, 0)
	now := start
	c := New(func() time.Time { return now })
	at, end := start.Add(time.Second), start.Add(time.Minute)
	steps := []struct {
		proof, id string
		sent      time.Time
		want      error
	}{
		{"p", "1", at, nil},
		{"p", "1", at, ErrCopy},
		{"p", "2", at, ErrOther},
		{"q", "1", at, nil},
		{"r", "1", start, ErrTooOld},
		{"r", "1", start.Add(-time.Hour), ErrTooOld},
	}
	for i, step := range steps {
		if err := c.Seen(step.proof, step.id, step.sent, end); !errors.Is(err, step.want) {
			t.Errorf("step %d: %v, want %v", i, err, step.want)
		}
	}
	now = end // good for the last second of its time, too
	if err := c.Seen("p", "1", at, end); !errors.Is(err, ErrCopy) {
		t.Errorf("in its last second: %v", err)
	}
}

// TestFull: what is full refuses, until something ends, and never forgets what has not.
func TestFull(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	c := New(func() time.Time { return now })
	sent, end := now.Add(time.Second), now.Add(time.Minute)
	for i := range Most {
		if err := c.Seen(strconv.Itoa(i), "", sent, end); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(30 * time.Second)
	if err := c.Seen("one more", "", sent, end); !errors.Is(err, ErrFull) {
		t.Errorf("%v, want ErrFull", err)
	}
	if err := c.Seen("0", "", sent, end); !errors.Is(err, ErrCopy) {
		t.Errorf("%v, want ErrCopy", err)
	}
	now = end.Add(sweepEvery)
	if err := c.Seen("one more", "", sent, end.Add(time.Hour)); err != nil {
		t.Errorf("after all have ended: %v", err)
	}
	if n := len(c.seen); n != 1 {
		t.Errorf("%d are remembered, want 1", n)
	}
}

// TestForever: what never ends is forgotten in the order in which it came.
func TestForever(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	c := NewForever(func() time.Time { return now })
	for i := range Most + 2 {
		if err := c.Seen(strconv.Itoa(i), "", now.Add(-time.Hour), now); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(c.seen); n != Most {
		t.Errorf("%d are remembered, want %d", n, Most)
	}
	if err := c.Seen("2", "", now, now); !errors.Is(err, ErrCopy) {
		t.Errorf("the oldest that is remembered: %v", err)
	}
	if err := c.Seen("1", "", now, now); err != nil {
		t.Errorf("one that is forgotten: %v", err)
	}
}
