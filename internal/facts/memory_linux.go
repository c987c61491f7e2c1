package facts

import (
	"strconv"
	"strings"
)

func (m machine) memory() Set {
	kib := map[string]uint64{}
	for line := range strings.Lines(m.read("proc/meminfo")) {
		name, rest, _ := strings.Cut(line, ":")
		if f := strings.Fields(rest); len(f) > 0 {
			kib[name], _ = strconv.ParseUint(f[0], 10, 54)
		}
	}
	available, ok := kib["MemAvailable"]
	if !ok { // kernels before 3.14
		available = kib["MemFree"] + kib["Buffers"] + kib["Cached"]
	}
	return memory(kib["MemTotal"]<<10, available<<10, kib["SwapTotal"]<<10, kib["SwapFree"]<<10)
}

func (m machine) uptime() Set {
	first, _, _ := strings.Cut(m.read("proc/uptime"), ".")
	seconds, err := strconv.ParseUint(first, 10, 63)
	if err != nil {
		return nil
	}
	return uptime(seconds)
}

func (m machine) loads() Set {
	f := strings.Fields(m.read("proc/loadavg"))
	if len(f) < 3 {
		return nil
	}
	var n [3]float64
	for i := range n {
		n[i], _ = strconv.ParseFloat(f[i], 64)
	}
	return loads(n[0], n[1], n[2])
}
