package creds

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"mcollective/message"
	"mcollective/security"
)

// DefaultSkew is how far the clock of a caller may be ahead of that of a node, if nothing else is said. A node that
// has lost its memory refuses requests for so long.
const DefaultSkew = 30 * time.Second

// mostRemembered bounds the requests of one generation.
const mostRemembered = 100_000

// ReplayOptions configure a Replay.
type ReplayOptions struct {
	// Dir is the directory of the identity. The memory is in a directory inside of it. Required.
	Dir string

	// MaxTTL is for how long a request is good at most, and MaxSkew how far in the future it may be from: what
	// the node refuses for its age is not remembered. Both are required.
	MaxTTL, MaxSkew time.Duration

	// Most bounds how many requests are remembered of MaxTTL and MaxSkew together, of one caller half as many.
	// Default 100,000.
	Most int

	Now func() time.Time // default time.Now

	boot func() ([16]byte, bool) // which run of the machine this is
}

// A Replay remembers requests, so that none is executed twice. Two generations are kept, each in a file to which a
// request is appended before it is executed; one is forgotten when all in it are too old to be taken. The files are
// not forced to the disk, so that they count only until the machine starts anew. A node without its memory refuses
// what was made before it began to remember.
type Replay struct {
	span time.Duration // for how long a request may be taken
	skew time.Duration
	most int
	now  func() time.Time

	mu     sync.Mutex
	cur    generation
	old    map[fingerprint]struct{}
	oldEnd time.Time // when old was closed
	floor  int64     // the second up to which requests were made that are refused
	lost   bool      // whether the floor comes of a lost memory
	closed bool
	store  *store
	lock   *os.File // held while the memory is open
}

// A fingerprint stands for a request of a caller.
type fingerprint [16]byte

type generation struct {
	seen  map[fingerprint]struct{}
	of    map[string]int // how many are of a caller, since the node started
	start time.Time
}

func fingerprintOf(r *message.Request) fingerprint {
	h := sha256.New()
	h.Write([]byte(r.Principal.ID))
	h.Write([]byte{0})
	h.Write([]byte(r.ID))
	return fingerprint(h.Sum(nil))
}

// later is why a request is refused that its caller may make again in a while.
func later(reason message.Reason, in time.Duration, format string, args ...any) error {
	seconds := max(1, int64((in+time.Second-1)/time.Second))
	return &security.Refusal{Reason: reason, Err: fmt.Errorf("%s; try again in %d s", fmt.Sprintf(format, args...), seconds)}
}

var errReplayed = errors.New("the request was here before: it was delivered twice, or somebody replays it")

// OpenReplay reads what a node remembers. One process at a time can.
func OpenReplay(o ReplayOptions) (*Replay, error) {
	if o.MaxTTL <= 0 || o.MaxSkew <= 0 {
		return nil, errors.New("creds: requests have to be remembered for as long as they are good, and max_ttl or max_skew sets no limit to that")
	}
	r := &Replay{span: o.MaxTTL + o.MaxSkew, skew: o.MaxSkew, most: o.Most, now: o.Now}
	if r.most <= 0 {
		r.most = mostRemembered
	}
	if r.now == nil {
		r.now = time.Now
	}
	if o.boot == nil {
		o.boot = bootID
	}
	var err error
	if r.store, err = openStore(filepath.Join(o.Dir, replayName), o.boot); err != nil {
		return nil, fmt.Errorf("creds: %w", err)
	}
	if r.lock, err = own(r.store.dir); err != nil {
		return nil, fmt.Errorf("creds: %w", err)
	}
	if err := r.load(); err != nil {
		r.store.close()
		r.lock.Close()
		return nil, fmt.Errorf("creds: %w", err)
	}
	return r, nil
}

// load takes over what is on disk, or begins anew.
func (r *Replay) load() error {
	files, err := r.store.read(r.most)
	if err == nil {
		last := files[len(files)-1]
		r.floor, r.lost = last.floor, last.lost
		r.cur = generation{last.seen, make(map[string]int), time.Unix(last.start, 0)}
		if len(files) == 2 {
			r.old, r.oldEnd = files[0].seen, r.cur.start
		}
		return nil
	}
	if !errors.Is(err, errForgotten) {
		return err
	}
	// What was executed before now was made before then, as the clocks may differ.
	r.floor, r.lost = r.now().Unix()+int64(r.skew/time.Second), true
	return r.begin(r.now(), true)
}

// begin starts a generation.
func (r *Replay) begin(now time.Time, anew bool) error {
	if err := r.store.create(header{floor: r.floor, start: now.Unix(), lost: r.lost}, anew); err != nil {
		return err
	}
	r.cur = generation{make(map[fingerprint]struct{}), make(map[string]int), now}
	return nil
}

// Check refuses a request that was seen before, and remembers one that was not. One that cannot be told from one of
// before is a security.Refusal.
func (r *Replay) Check(req *message.Request) error {
	f := fingerprintOf(req)
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if r.closed {
		return fmt.Errorf("requests cannot be remembered: %w", os.ErrClosed)
	}
	if made := req.Time.Unix(); made <= r.floor {
		why := "the request is from before a time up to which this node remembers nothing; check both clocks"
		if r.lost {
			why = "this node was restarted and does not know what it has executed before"
		}
		return later(message.Expired, time.Duration(r.floor-now.Unix()+1)*time.Second, "%s", why)
	}
	_, inCur := r.cur.seen[f]
	_, inOld := r.old[f]
	if inCur || inOld {
		return errReplayed
	}
	if err := r.turn(now); err != nil {
		return err
	}
	if r.cur.of[req.Principal.ID] >= r.most/2 {
		return later(message.Busy, r.span-now.Sub(r.cur.start), "this node has taken as many requests of %s as it can remember, %d", req.Principal.ID, r.most/2)
	}
	if err := r.store.append(f); err != nil {
		return fmt.Errorf("the request cannot be remembered: %w", err)
	}
	r.cur.seen[f] = struct{}{}
	r.cur.of[req.Principal.ID]++
	return nil
}

// turn begins a new generation if the current one is full or of age, and the one before can be forgotten.
func (r *Replay) turn(now time.Time) error {
	full := len(r.cur.seen) >= r.most
	if !full && now.Sub(r.cur.start) < r.span || len(r.cur.seen) == 0 {
		return nil
	}
	if r.old != nil {
		if left := r.span - now.Sub(r.oldEnd); left > 0 {
			if full {
				return later(message.Busy, left, "this node has taken as many requests as it can remember, %d", r.most)
			}
			return nil
		}
	}
	// What is forgotten is too old to be taken, unless the clock is set back.
	if r.old != nil {
		if end := r.oldEnd.Unix() + int64(r.skew/time.Second); end > r.floor {
			r.floor, r.lost = end, false
		}
	}
	old := r.cur.seen
	if err := r.begin(now, false); err != nil { // tried again with the next request
		return fmt.Errorf("requests cannot be remembered: %w", err)
	}
	r.old, r.oldEnd = old, now
	return nil
}

// Close ends the memory. It refuses everything from then on.
func (r *Replay) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	return errors.Join(r.store.close(), r.lock.Close())
}

// InitReplay makes the memory of a node that has just got its first credential, and so has not executed anything.
// Without that the node could not tell this from a memory that was lost. A memory that is there, however old or
// damaged, stays: what it holds may be in use, and was executed.
func InitReplay(dir string) error {
	path := filepath.Join(dir, replayName)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			return fmt.Errorf("creds: %w", err)
		}
		return nil
	}
	s, err := openStore(path, bootID)
	if err != nil {
		return fmt.Errorf("creds: %w", err)
	}
	now := time.Now().Unix()
	err = s.create(header{floor: now - int64(DefaultSkew/time.Second) - 1, start: now}, true)
	if err = errors.Join(err, s.close()); err != nil {
		return fmt.Errorf("creds: %w", err)
	}
	return nil
}

// bootID tells one run of a machine from another; false is for machines that cannot.
func bootID() (id [16]byte, ok bool) {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if data = bytes.TrimSpace(data); err != nil || len(data) == 0 {
		return id, false
	}
	sum := sha256.Sum256(data)
	return [16]byte(sum[:]), true
}
