// Package replay remembers the proofs of requests in memory, so that none counts twice.
package replay

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Most is how many proofs are remembered: over a thousand a second of those that are
// good for a minute.
const Most = 1 << 16

// sweepEvery is how often what has ended is looked for.
const sweepEvery = 10 * time.Second

// What Seen returns.
var (
	// ErrCopy is for a request that was there before.
	ErrCopy = errors.New("the request was received before")
	// ErrOther is for a proof that was there before, in a request of another id.
	ErrOther = errors.New("its proof was received before, in another request")
	// ErrFull is for a new request when no more can be remembered.
	ErrFull = errors.New("too many requests to remember")
	// ErrTooOld is for one that may have been received before the process started.
	ErrTooOld = errors.New("the request is from before this process started, which cannot know whether it was received then; send it again")
)

// A Cache remembers proofs. Its methods may be called from several goroutines.
type Cache struct {
	now    func() time.Time
	start  time.Time
	evicts bool

	mu    sync.Mutex
	seen  map[[sha256.Size]byte]mark
	order [][sha256.Size]byte // of a cache that forgets: the oldest first
	next  int
	swept time.Time
}

type mark struct {
	id    [8]byte // of the hash of the request id
	until int64
}

// New returns a cache that forgets a proof when it has ended. It refuses new ones when
// it is full, and those from before it was made.
func New(now func() time.Time) *Cache {
	return &Cache{now: now, start: now(), seen: map[[sha256.Size]byte]mark{}}
}

// NewForever returns a cache for proofs that never end. When it is full it forgets the
// oldest.
func NewForever(now func() time.Time) *Cache {
	return &Cache{now: now, evicts: true, seen: map[[sha256.Size]byte]mark{}}
}

// Seen remembers the proof of a request, which was sent at a time and is good until
// another, and returns nil if neither was there before.
func (c *Cache) Seen(proof, id string, sent, until time.Time) error {
	key, hash := sha256.Sum256([]byte(proof)), sha256.Sum256([]byte(id))
	m := mark{id: [8]byte(hash[:8]), until: until.Unix()}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.evicts && sent.Unix() <= c.start.Unix() {
		return ErrTooOld
	}
	if old, ok := c.seen[key]; ok {
		if old.id == m.id {
			return ErrCopy
		}
		return ErrOther
	}
	if c.evicts {
		c.evict(key)
	} else if err := c.room(); err != nil {
		return err
	}
	c.seen[key] = m
	return nil
}

// evict makes room for one proof.
func (c *Cache) evict(key [sha256.Size]byte) {
	if len(c.order) < Most {
		c.order = append(c.order, key)
		return
	}
	delete(c.seen, c.order[c.next])
	c.order[c.next] = key
	c.next = (c.next + 1) % Most
}

// room forgets what has ended, now and then.
func (c *Cache) room() error {
	now := c.now()
	if now.Sub(c.swept) >= sweepEvery || now.Before(c.swept) {
		c.swept = now
		for key, m := range c.seen {
			if m.until < now.Unix() {
				delete(c.seen, key)
			}
		}
	}
	if len(c.seen) >= Most {
		return fmt.Errorf("%w: there are %d", ErrFull, len(c.seen))
	}
	return nil
}
