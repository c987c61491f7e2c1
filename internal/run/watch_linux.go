package run

import (
	"os"
	"os/signal"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

const (
	watchPause = 10 * time.Millisecond // at least, between two looks
	watchTime  = 10 * time.Second      // at most, should a signal be lost
)

// Bury sees to it that what another package's programs left running is buried when
// it ends. Since this process is the subreaper of all that it starts, the kernel
// hands it their orphans too. The programs must have a process group of their own,
// and have been waited for.
func Bury() {
	family.mu.Lock()
	defer family.mu.Unlock()
	if family.live != nil { // else they are init's
		lookAfter()
	}
}

// lookAfter buries the dead orphans, and has watch wait for the end of the others.
func lookAfter() {
	if !hasChildren() {
		return
	}
	all := processes(false)
	bury(all)
	if !family.watch && slices.ContainsFunc(all, process.orphan) {
		family.watch = true
		go watch()
	}
}

// watch buries orphans as they end, until there are none.
func watch() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, unix.SIGCHLD)
	defer signal.Stop(ended)
	for {
		pause, some := watchOnce()
		if !some {
			return
		}
		timer := time.NewTimer(pause)
		select {
		case <-ended:
			time.Sleep(watchPause) // others may end with it
		case <-timer.C:
		}
		timer.Stop()
	}
}

// watchOnce looks once. It returns for how long it may look away, unless there are
// no orphans any more.
func watchOnce() (pause time.Duration, some bool) {
	family.mu.Lock()
	defer family.mu.Unlock()
	pause = watchTime
	all := processes(false)
	for _, p := range all {
		if p.orphan() {
			some = true
			if p.dead() {
				pause = watchPause // it may have left others, or not be buried yet
			}
		}
	}
	bury(all)
	family.watch = some
	return pause, some
}
