package run

import (
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

const (
	reapPause  = 10 * time.Millisecond // at least, between two looks
	reapLater  = time.Second           // at most, while there are dead that are not for the reaper
	reapAtMost = 10 * time.Second      // at most, should a signal be lost
	claimTime  = time.Second           // for another package to wait for a process that only seems to be an orphan
)

// startReaper starts the reaper, or has it look again. It stays as long as a program
// runs or an orphan is left. The lock is held.
func startReaper() {
	if children.reaping {
		select {
		case children.wake <- struct{}{}:
		default:
		}
		return
	}
	children.reaping = true
	go reapAll()
}

// reapAll is the reaper: it reaps orphans at the moment that they end, whatever
// else runs. A daemon that an agent stopped must be gone at once: the program that
// stops it waits for that.
func reapAll() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, unix.SIGCHLD)
	defer signal.Stop(ended)
	later := reapPause
	for {
		pause, stay := reapOnce()
		if !stay {
			return
		}
		if pause == reapPause { // somebody is dead whom others have to wait for
			pause, later = later, min(2*later, reapLater)
		} else {
			later = reapPause
		}
		timer := time.NewTimer(pause)
		select {
		case <-ended:
			later = reapPause
			timer.Reset(reapPause) // others may end with it, and most are waited for
			<-timer.C
		case <-children.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// reapOnce looks once. It returns for how long it may look away, and whether the
// reaper is needed any more.
func reapOnce() (pause time.Duration, stay bool) {
	children.mu.Lock()
	defer children.mu.Unlock()
	stay = len(children.live) > 0
	pause = reapAtMost
	if !stay && !hasChildren() || stay && !hasDead() {
		clear(children.dead)
		children.reaping = stay
		return pause, stay
	}
	all := processes(false)
	reap(all)
	for _, p := range all {
		stay = stay || p.orphan()
	}
	if hasDead() {
		pause = reapPause
	}
	children.reaping = stay
	return pause, stay
}

// reap takes note of the end of orphans, which else would stay as zombies. Those
// whom a run or another package waits for are theirs. The lock is held.
func reap(all []process) {
	now := time.Now()
	dead := make(map[int]time.Time, len(children.dead))
	for _, p := range all {
		if !p.dead() || !p.orphan() {
			continue
		}
		// The first of a session that has no mark may be a program that another
		// package started, which has waited for it by then.
		if children.base != 0 && p.session == p.pid && p.mark()&^(1<<markBits-1) != children.base {
			since, known := children.dead[p.pid]
			if !known {
				since = now
			}
			if now.Sub(since) < claimTime {
				dead[p.pid] = since
				continue
			}
		}
		unix.Wait4(p.pid, nil, unix.WNOHANG, nil)
	}
	children.dead = dead
}

// hasChildren reports whether this process has any. It takes a microsecond, and
// when nothing else runs it is all that the end of a program costs.
func hasChildren() bool {
	return unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT|unix.WALL, nil) != unix.ECHILD
}

// hasDead reports whether one of them has ended and was not waited for.
func hasDead() bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT|unix.WALL, nil)
	return err == nil && info.Signo != 0
}
