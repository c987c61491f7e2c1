package broker

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"mcollective/internal/dirtest"
)

func TestAvailableMemory(t *testing.T) {
	const mib = 1 << 20
	meminfo := map[string]string{"proc/meminfo": "MemTotal:        8388608 kB\nMemFree: 1 kB\n"}
	for name, tc := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"machine":   {nil, 8 << 30},
		"version 2": {map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.max": "536870912\n", "sys/fs/cgroup/a/b/memory.max": "max\n"}, 512 * mib},
		"high": {map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "536870912\n", "sys/fs/cgroup/a/b/memory.high": "max\n",
			"sys/fs/cgroup/a/memory.high": "402653184\n", "sys/fs/cgroup/a/memory.max": "max\n"}, 384 * mib},
		"container": {map[string]string{"proc/self/cgroup": "0::/not/here\n", "sys/fs/cgroup/memory.max": "268435456\n"}, 256 * mib},
		"version 1": {map[string]string{"proc/self/cgroup": "5:cpu,cpuacct:/x\n4:memory:/x\n0::/\n", "sys/fs/cgroup/memory/x/memory.limit_in_bytes": "134217728\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 128 * mib},
		"nonsense": {map[string]string{"proc/self/cgroup": "nonsense\n0::\n", "sys/fs/cgroup/memory.max": "-1\n"}, 8 << 30},
	} {
		t.Run(name, func(t *testing.T) {
			root := dirtest.New(t)
			for _, files := range []map[string]string{meminfo, tc.files} {
				for file, text := range files {
					file = filepath.Join(root, file)
					if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			if got := availableMemory(root); got != tc.want {
				t.Errorf("%s: %d MiB, want %d", name, got/mib, tc.want/mib)
			}
		})
	}
	if got := availableMemory(dirtest.New(t)); got != 1<<30 {
		t.Errorf("where nothing tells: %d", got)
	}
}

// The parts fit into the whole, however small or large that is.
func TestMemoryPlan(t *testing.T) {
	for _, limit := range []int64{0, 1 << 20, 64 << 20, 1 << 30, 4 << 30, 1 << 40} {
		p := planMemory(limit)
		if p.each > p.pending || p.idle > p.each || p.payload > p.each || p.pending >= p.hard || p.hard >= p.limit || p.idle < 1<<20 || p.payload < 1<<18 {
			t.Errorf("%d: %+v", limit, p)
		}
		opts := &server.Options{MaxPayload: 8 << 20, MaxConn: 1 << 20}
		withinMemory(opts, p, slog.New(slog.DiscardHandler))
		if int64(opts.MaxPayload) > p.payload || opts.MaxPending != p.each || opts.MaxConn > p.connections() || opts.MaxConn > descriptors()-reservedDescriptors || opts.MaxSubs <= 0 {
			t.Errorf("%d: %+v", limit, opts)
		}
	}
}
