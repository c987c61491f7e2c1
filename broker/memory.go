package broker

import (
	"bufio"
	"bytes"
	"math"
	"os"
	"path"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

// A memoryPlan is what a broker may take in all, and what of it goes where. The
// shares leave room for what a garbage collector has not collected yet.
type memoryPlan struct {
	limit   int64 // of the process
	pending int64 // what may wait for all connections together
	each    int64 // what may wait for one of them
	idle    int64 // what may wait for one that awaits no replies
	subs    int64 // what the subscriptions of all connections may take
	payload int64 // of one message: anyone who announces one is given a buffer of that size
	hard    int64 // of heap; before it connections are cut, whatever they do
}

const (
	minMemory = 64 << 20

	// What one connection costs, with TLS, on nats-server's and the runtime's side.
	connectionCost = 64 << 10

	// How much memory there must be for each subscription that one connection may have.
	subscriptionsShare = 256 << 10
)

func planMemory(limit int64) memoryPlan {
	limit = max(limit, minMemory)
	p := memoryPlan{limit: limit, pending: min(limit/4, 8<<30), subs: limit / 8, hard: limit / 8 * 5}
	p.each = min(p.pending/2, maxPending)
	p.payload = min(limit/256, server.MAX_PAYLOAD_MAX_SIZE)
	p.idle = min(p.pending/16, maxIdlePending)
	return p
}

// connections bounds how many connections there is memory for.
func (p memoryPlan) connections() int {
	return int(min(p.limit/2/connectionCost, math.MaxInt32))
}

// subscriptions bounds how many subscriptions a connection may have.
func (p memoryPlan) subscriptions() int {
	return int(min(p.limit/subscriptionsShare, maxSubscriptions))
}

// availableMemory returns what this process may use, in bytes: the least of
// GOMEMLIMIT, of what its control groups allow, and of what the machine has. If
// nothing says, it is 1 GiB.
func availableMemory(root string) int64 {
	least := int64(math.MaxInt64)
	if limit := debug.SetMemoryLimit(-1); limit > 0 {
		least = limit
	}
	for _, file := range cgroupLimits(root) {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 {
			least = min(least, n)
		}
	}
	if n := physicalMemory(root); n > 0 {
		least = min(least, n)
	}
	if least > 1<<60 {
		return 1 << 30
	}
	return least
}

// cgroupLimits returns the files that bound the memory of this process, for both
// versions of control groups; a group above may allow less than its own. In a
// container a path may be the host's, which is not there: the files at the top are
// the container's then.
func cgroupLimits(root string) []string {
	text, err := os.ReadFile(path.Join(root, "/proc/self/cgroup"))
	if err != nil {
		return nil
	}
	var files []string
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		top, names := "", []string(nil)
		switch {
		case parts[0] == "0" && parts[1] == "":
			// Above memory.high the kernel slows us down, and takes memory away from us.
			top, names = "/sys/fs/cgroup", []string{"memory.max", "memory.high"}
		case strings.Contains(","+parts[1]+",", ",memory,"):
			top, names = "/sys/fs/cgroup/memory", []string{"memory.limit_in_bytes"}
		default:
			continue
		}
		for dir := path.Clean("/" + parts[2]); ; dir = path.Dir(dir) {
			for _, name := range names {
				files = append(files, path.Join(root, top, dir, name))
			}
			if dir == "/" {
				break
			}
		}
	}
	return files
}

func physicalMemory(root string) int64 {
	text, err := os.ReadFile(path.Join(root, "/proc/meminfo"))
	if err != nil {
		return 0
	}
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		if f := strings.Fields(s.Text()); len(f) >= 2 && f[0] == "MemTotal:" {
			kb, err := strconv.ParseInt(f[1], 10, 64)
			if err != nil || kb > math.MaxInt64>>10 {
				return 0
			}
			return kb << 10
		}
	}
	return 0
}

// A heapSize is what is on the heap, in bytes.
type heapSize struct {
	objects     int64 // among them garbage that is not yet collected
	live        int64 // found by the last collection
	collections int64 // since the program started
}

// readHeap stops nothing and takes microseconds.
func readHeap() heapSize {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/live:bytes"}, {Name: "/gc/cycles/total:gc-cycles"}}
	metrics.Read(s)
	value := func(i int) int64 {
		if s[i].Value.Kind() != metrics.KindUint64 {
			return 0
		}
		return int64(min(s[i].Value.Uint64(), math.MaxInt64))
	}
	return heapSize{value(0), value(1), value(2)}
}
