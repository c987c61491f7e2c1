//go:build !linux

package facts

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/host"
	"github.com/shirou/gopsutil/v4/load"
	"github.com/shirou/gopsutil/v4/mem"
)

// builtinLayers returns the builtin facts of systems other than Linux, where a
// library knows how to ask. Disks are left out.
func builtinLayers(o Options) []*layer {
	system := newLayer("builtin", o, systemFacts)
	live := newLayer("live", o, liveFacts)
	live.every = o.LiveTime
	return []*layer{system, live}
}

func systemFacts(ctx context.Context) (Set, error) {
	all := Set{}
	info, err := host.InfoWithContext(ctx)
	if err == nil {
		d := distro{name: info.Platform, family: info.PlatformFamily, release: info.PlatformVersion, hardware: info.KernelArch, architecture: info.KernelArch}
		switch runtime.GOOS {
		case "darwin":
			d.name, d.family, d.release = "Darwin", "Darwin", info.KernelVersion
		case "windows":
			d.name, d.family = "windows", "windows"
		case "freebsd":
			d.name, d.family = "FreeBSD", "FreeBSD"
		}
		maps.Copy(all, d.facts())
		maps.Copy(all, kernel(kernelName(), info.KernelVersion))
		guest := info.VirtualizationRole == "guest"
		all["is_virtual"] = map[bool]string{true: "true", false: "false"}[guest]
		all["virtual"] = "physical"
		if guest {
			all["virtual"] = info.VirtualizationSystem
		}
	}
	infos, cpuErr := cpu.InfoWithContext(ctx)
	count, _ := cpu.CountsWithContext(ctx, true)
	models := make([]string, count)
	for i := range models {
		if len(infos) > 0 {
			models[i] = infos[min(i, len(infos)-1)].ModelName
		}
	}
	speed := ""
	if len(infos) > 0 && infos[0].Mhz > 0 {
		speed = humanHertz(infos[0].Mhz * 1e6)
	}
	maps.Copy(all, processors(models, 0, 0, 0, speed, ""))
	name, _ := os.Hostname()
	short, domain, _ := strings.Cut(name, ".")
	ifaces, netErr := netInterfaces()
	maps.Copy(all, network(short, domain, "", ifaces))
	maps.Copy(all, process())
	return all, errors.Join(err, cpuErr, netErr)
}

func kernelName() string {
	switch runtime.GOOS {
	case "freebsd":
		return "FreeBSD"
	case "openbsd":
		return "OpenBSD"
	case "netbsd":
		return "NetBSD"
	}
	return strings.ToUpper(runtime.GOOS[:1]) + runtime.GOOS[1:]
}

func netInterfaces() ([]iface, error) {
	links, err := net.Interfaces()
	var all []iface
	for _, l := range links {
		i := iface{name: l.Name, mac: l.HardwareAddr.String(), mtu: l.MTU}
		addrs, _ := l.Addrs()
		for _, a := range addrs {
			p, err := netip.ParsePrefix(a.String())
			if err != nil {
				continue
			}
			if p.Addr().Is4() {
				i.v4 = append(i.v4, p)
			} else {
				i.v6 = append(i.v6, address6{Prefix: p})
			}
		}
		all = append(all, i)
	}
	return all, err
}

func liveFacts(ctx context.Context) (Set, error) {
	all := Set{}
	v, memErr := mem.VirtualMemoryWithContext(ctx)
	if memErr == nil {
		var total, free uint64
		if sw, err := mem.SwapMemoryWithContext(ctx); err == nil {
			total, free = sw.Total, sw.Free
		}
		maps.Copy(all, memory(v.Total, v.Available, total, free))
	}
	if up, err := host.UptimeWithContext(ctx); err == nil {
		maps.Copy(all, uptime(up))
	}
	if avg, err := load.AvgWithContext(ctx); err == nil && runtime.GOOS != "windows" {
		maps.Copy(all, loads(avg.Load1, avg.Load5, avg.Load15))
	}
	zone, _ := time.Now().Zone()
	put(all, "timezone", zone)
	return all, memErr
}
