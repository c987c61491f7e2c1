package sysinfo

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"mcollective/agent"
	"mcollective/internal/plainfile"
	"mcollective/rpc"
)

// A Filesystem is how full a file system is.
type Filesystem struct {
	Size, Used, Available uint64 // bytes; what is left besides is root's
	Inodes, InodesUsed    uint64
}

// A mount is a line of /proc/self/mountinfo.
type mount struct{ device, path, kind, number string }

// maxMounts is of how many file systems one call tells.
const maxMounts = 1000

// mounts returns the places where file systems are, without those that are mounted
// over, and each device once: at the place where it was mounted first.
func (a *Agent) mounts() ([]mount, error) {
	text, err := plainfile.Read(a.path("proc/self/mountinfo"), maxText)
	if err != nil {
		return nil, err
	}
	var all []mount
	for line := range strings.Lines(string(text)) {
		before, after, ok := strings.Cut(line, " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if !ok || len(left) < 5 || len(right) < 2 {
			continue
		}
		all = append(all, mount{device: unescape(right[1]), path: unescape(left[4]), kind: right[0], number: left[2]})
	}
	last := map[string]int{}
	for i, m := range all {
		last[m.path] = i
	}
	var kept []mount
	seen := map[string]bool{}
	for i, m := range all {
		if last[m.path] != i || seen[m.number] || pseudo(m) {
			continue
		}
		seen[m.number] = true
		kept = append(kept, m)
	}
	return kept[:min(len(kept), maxMounts)], nil
}

// pseudo tells file systems that hold no files of anybody.
func pseudo(m mount) bool {
	switch m.kind {
	case "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs", "fuse.gvfsd-fuse",
		"fuse.lxcfs", "fusectl", "hugetlbfs", "mqueue", "nsfs", "proc", "pstore", "ramfs", "rpc_pipefs", "securityfs", "selinuxfs",
		"squashfs", "sysfs", "tracefs":
		return true
	}
	return false
}

// unescape reads the octal that the kernel writes for blanks in names.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`, `\043`, "#").Replace(s)
}

func (a *Agent) diskUse(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	mounts, err := a.mounts()
	if err != nil {
		return err
	}
	if path, ok := req.String("path"); ok {
		m, found := holder(mounts, filepath.Clean(path))
		if !found {
			return rpc.Errorf(rpc.Aborted, "no file system of a device holds %s", path)
		}
		mounts = []mount{m}
	}
	above, limited := req.Float("above")
	list, fullest := []any{}, 0.0
	for i, answer := range a.disks.all(ctx, mounts) {
		m, fs := mounts[i], answer.Filesystem
		if answer.err != nil {
			list = append(list, hash("device", clean(m.device), "mount", clean(m.path), "type", m.kind, "error", answer.err.Error()))
			continue
		}
		// As df has it: of what users can have. What is root's alone counts for nobody.
		full := percent(fs.Used, fs.Used+fs.Available)
		if fs.Size == 0 || limited && full <= above {
			continue
		}
		fullest = max(fullest, full)
		list = append(list, hash("device", clean(m.device), "mount", clean(m.path), "type", m.kind,
			"size", int64(fs.Size), "used", int64(fs.Used), "available", int64(fs.Available), "percent", full,
			"inodes", int64(fs.Inodes), "inodes_used", int64(fs.InodesUsed)))
	}
	reply.Set("disks", list)
	reply.Set("fullest", fullest)
	return nil
}

func clean(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// holder returns the mount that a path is on.
func holder(mounts []mount, path string) (best mount, found bool) {
	for _, m := range mounts {
		inside := m.path == "/" || path == m.path || strings.HasPrefix(path, m.path+"/")
		if inside && len(m.path) >= len(best.path) {
			best, found = m, true
		}
	}
	return best, found
}

// A prober asks file systems how full they are. One on the network may never
// answer and cannot be interrupted, so that each has limited time, and one that
// still owes an answer is not asked again.
type prober struct {
	ask func(path string) (Filesystem, error)

	mu      sync.Mutex
	waiting map[string]bool
}

const patience = 2 * time.Second

var errSilent = errors.New("does not answer")

type answer struct {
	Filesystem
	err error
}

func (p *prober) all(ctx context.Context, mounts []mount) []answer {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answers := make([]answer, len(mounts))
	var wait sync.WaitGroup
	for i, m := range mounts {
		wait.Go(func() { answers[i] = p.one(ctx, m.path) })
	}
	wait.Wait()
	return answers
}

func (p *prober) one(ctx context.Context, path string) answer {
	p.mu.Lock()
	busy := p.waiting[path]
	if p.waiting == nil {
		p.waiting = map[string]bool{}
	}
	p.waiting[path] = true
	p.mu.Unlock()
	if busy {
		return answer{err: fmt.Errorf("%w since an earlier request", errSilent)}
	}
	done := make(chan answer, 1)
	go func() {
		fs, err := p.ask(path)
		p.mu.Lock()
		delete(p.waiting, path)
		p.mu.Unlock()
		done <- answer{fs, err}
	}()
	select {
	case a := <-done:
		return a
	case <-ctx.Done():
		return answer{err: errSilent}
	}
}
