// Package facts knows what a node says about itself: operating system, memory,
// addresses, and whatever its owner adds.
//
// [Open] starts collecting; [Facts.Snapshot] and [Facts.Fact] read the newest
// complete set without a lock, an allocation or a look at the disk, so that a
// request costs the same however slow the sources are. What runs in the
// background is a handful of layers, each with its own clock and its last good
// result; the layers are laid over each other, the later one's facts covering
// the earlier one's of the same name:
//
//	builtin   this machine's own facts, under Facter's modern names and the
//	          legacy ones that MCollective's users know; or
//	yaml      files of facts, as in Ruby MCollective; or
//	facter    what the facter command prints
//	external  facts.d: NAME.txt, NAME.json, NAME.yaml
//	programs  facts.d: executables, if nobody else can change them
//
// A source that fails keeps its last good facts and says so once in the log.
// Values are text, lists and maps, as in Ruby MCollective: numbers and booleans
// are text too. Network file systems are never touched, because a dead server
// would hang the process.
//
// [Classes] reads the file of configuration management classes.
package facts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// A Set is facts by name. The values are string, []any and map[string]any of
// the same. A Set that this package hands out is never changed again and must
// not be changed by others.
type Set map[string]any

// Fact returns the value of a top-level fact.
func (s Set) Fact(name string) (any, bool) {
	v, ok := s[name]
	return v, ok
}

// Options say where facts come from. The zero value gives the builtin facts.
type Options struct {
	// Source is builtin, yaml or facter. Default: builtin.
	Source string
	// Files are the files of the yaml source; a later one covers an earlier one.
	Files []string
	// Dirs are the directories with external facts; a later one covers an earlier
	// one. Directories that do not exist are passed over.
	Dirs []string
	// CacheTime is how old facts may be that cost something to find out.
	// Changed files are seen sooner, after Poll. Default: 300 s.
	CacheTime time.Duration
	// LiveTime is how old uptime, load and free memory may be. Default: 10 s.
	LiveTime time.Duration
	// Poll is the time between looks at the dates of files. Default: 2 s.
	Poll time.Duration
	// StartWait bounds the time that Open waits for slow sources. What comes
	// later is taken in when it comes. Default: 5 s.
	StartWait time.Duration
	// Facter is the facter command. Default: the first one in /opt/puppetlabs/bin
	// and the usual directories.
	Facter string
	// FacterTimeout bounds one run of facter. Default: 60 s.
	FacterTimeout time.Duration
	// ProgramTimeout bounds one run of one executable in Dirs. Default: 10 s.
	ProgramTimeout time.Duration
	// Logger takes what goes wrong. Default: slog.Default.
	Logger *slog.Logger
}

func (o *Options) fill() {
	o.Source = cmp.Or(o.Source, "builtin")
	o.CacheTime = cmp.Or(o.CacheTime, 300*time.Second)
	o.LiveTime = cmp.Or(o.LiveTime, 10*time.Second)
	o.Poll = cmp.Or(o.Poll, 2*time.Second)
	o.StartWait = cmp.Or(o.StartWait, 5*time.Second)
	o.FacterTimeout = cmp.Or(o.FacterTimeout, 60*time.Second)
	o.ProgramTimeout = cmp.Or(o.ProgramTimeout, 10*time.Second)
	o.Logger = cmp.Or(o.Logger, slog.Default())
}

// Facts are the facts of this machine, kept up to date.
type Facts struct {
	current atomic.Pointer[snapshot]
	log     *slog.Logger
	cancel  context.CancelFunc
	layers  []*layer
	done    sync.WaitGroup

	mu   sync.Mutex // guards sets
	sets []Set      // the last good one of each layer
}

type snapshot struct {
	set Set
	at  time.Time
}

// Open starts to collect facts and waits, at most Options.StartWait, until every
// source has been read once. It fails only for options that cannot work; a
// source that cannot be read is logged and tried again. Close ends it.
func Open(ctx context.Context, o Options) (*Facts, error) {
	o.fill()
	f := &Facts{log: o.Logger}
	switch o.Source {
	case "builtin":
		f.layers = append(f.layers, builtinLayers(o)...)
	case "yaml":
		if len(o.Files) == 0 {
			return nil, errors.New("facts of source yaml need a file; set plugin.yaml")
		}
		f.layers = append(f.layers, yamlLayer(o))
	case "facter":
		l, err := facterLayer(o)
		if err != nil {
			return nil, err
		}
		f.layers = append(f.layers, l)
	default:
		return nil, fmt.Errorf("unknown source of facts %q; there are builtin, yaml and facter", o.Source)
	}
	if len(o.Dirs) > 0 {
		f.layers = append(f.layers, externalLayer(o), programLayer(o))
	}
	f.sets = make([]Set, len(f.layers))
	f.current.Store(&snapshot{})

	var run context.Context
	run, f.cancel = context.WithCancel(context.Background())
	for i, l := range f.layers {
		l.publish = func(s Set) { f.publish(i, s) }
		f.done.Go(func() { l.run(run) })
	}
	wait, stop := context.WithTimeout(ctx, o.StartWait)
	defer stop()
	for _, l := range f.layers {
		select {
		case <-l.first:
		case <-wait.Done():
			if ctx.Err() != nil {
				f.Close()
				return nil, fmt.Errorf("reading facts: %w", ctx.Err())
			}
			o.Logger.Warn("facts of this source are not there yet, going on without them", "source", l.name, "waited", o.StartWait)
		}
	}
	return f, nil
}

// publish lays the layers over each other and makes the result current.
func (f *Facts) publish(layer int, s Set) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sets[layer] = s
	n := 0
	for _, s := range f.sets {
		n += len(s)
	}
	all := make(Set, n)
	for _, s := range f.sets {
		for k, v := range s {
			all[k] = v
		}
	}
	f.current.Store(&snapshot{set: all, at: time.Now()})
}

// Snapshot returns the newest complete set of facts.
func (f *Facts) Snapshot() Set { return f.current.Load().set }

// Fact returns the value of a top-level fact: string, []any or map[string]any.
func (f *Facts) Fact(name string) (any, bool) {
	v, ok := f.current.Load().set[name]
	return v, ok
}

// Updated is when a source last gave facts. It is the zero time before the first.
func (f *Facts) Updated() time.Time { return f.current.Load().at }

// Refresh reads all sources now and returns when they have been read, or with
// the context's error.
func (f *Facts) Refresh(ctx context.Context) error {
	waits := make([]chan struct{}, len(f.layers))
	for i, l := range f.layers {
		waits[i] = make(chan struct{})
		select {
		case l.now <- waits[i]:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, w := range waits {
		select {
		case <-w:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// closeWait bounds Close: a look at a dying disk cannot be cancelled.
const closeWait = 2 * time.Second

// Close stops collecting and ends the programs it has started. The last facts
// stay readable.
func (f *Facts) Close() error {
	f.cancel()
	done := make(chan struct{})
	go func() {
		f.done.Wait()
		close(done)
	}()
	timer := time.NewTimer(closeWait)
	defer timer.Stop()
	select {
	case <-done:
		return nil
	case <-timer.C:
		return errors.New("a source of facts does not stop")
	}
}

// maxFile bounds a file of facts.
const maxFile = 16 << 20
