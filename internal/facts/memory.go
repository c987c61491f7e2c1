package facts

import (
	"fmt"
	"strconv"
)

// memory makes the facts of main memory and swap from sizes in bytes. Swap that
// does not exist has no facts.
func memory(total, available, swapTotal, swapFree uint64) Set {
	all := map[string]any{}
	s := Set{"memory": all}
	if total > 0 {
		all["system"] = usage(total, available)
		s["memorysize"], s["memorysize_mb"] = humanBytes(total), mebibytes(total)
		s["memoryfree"], s["memoryfree_mb"] = humanBytes(available), mebibytes(available)
	}
	if swapTotal > 0 {
		all["swap"] = usage(swapTotal, swapFree)
		s["swapsize"], s["swapsize_mb"] = humanBytes(swapTotal), mebibytes(swapTotal)
		s["swapfree"], s["swapfree_mb"] = humanBytes(swapFree), mebibytes(swapFree)
	}
	return s
}

func usage(total, available uint64) map[string]any {
	used := total - min(available, total)
	return map[string]any{
		"total": humanBytes(total), "total_bytes": whole(total),
		"available": humanBytes(available), "available_bytes": whole(available),
		"used": humanBytes(used), "used_bytes": whole(used),
		"capacity": percent(used, total),
	}
}

// uptime makes the facts of the time since the machine started.
func uptime(seconds uint64) Set {
	days, hours := seconds/86400, seconds/3600
	text := fmt.Sprintf("%d days", days)
	switch days {
	case 0:
		text = fmt.Sprintf("%d:%02d hours", hours, seconds/60%60)
	case 1:
		text = "1 day"
	}
	return Set{
		"system_uptime": map[string]any{
			"seconds": whole(seconds), "hours": whole(hours), "days": whole(days), "uptime": text,
		},
		"uptime": text, "uptime_seconds": whole(seconds), "uptime_hours": whole(hours), "uptime_days": whole(days),
	}
}

// loads makes the facts of the load averages.
func loads(one, five, fifteen float64) Set {
	return Set{"load_averages": map[string]any{"1m": decimal(one), "5m": decimal(five), "15m": decimal(fifteen)}}
}

// processors makes the facts of CPUs. models has one name for each logical CPU;
// zero counts and an empty speed are unknown.
func processors(models []string, physical, cores, threads int, speed, isa string) Set {
	list := make([]any, len(models))
	all := map[string]any{"count": strconv.Itoa(len(models)), "models": list}
	s := Set{"processors": all, "processorcount": strconv.Itoa(len(models))}
	for i, m := range models {
		list[i] = m
		put(s, "processor"+strconv.Itoa(i), m)
	}
	if physical > 0 {
		all["physicalcount"] = strconv.Itoa(physical)
		s["physicalprocessorcount"] = strconv.Itoa(physical)
	}
	if cores > 0 {
		all["cores"] = strconv.Itoa(cores)
	}
	if threads > 0 {
		all["threads"] = strconv.Itoa(threads)
	}
	put(all, "speed", speed)
	put(all, "isa", isa)
	put(s, "hardwareisa", isa)
	return s
}
