package facts

import (
	"cmp"
	"strconv"
	"strings"
)

// processors reads /proc/cpuinfo, whose names differ between architectures, and
// fills in from /sys what it does not tell.
func (m machine) processors(family string) Set {
	var models []string
	var cores, siblings int
	var mhz float64
	sockets := map[string]bool{}
	common := "" // ARM gives one model for all
	for line := range strings.Lines(m.read("proc/cpuinfo")) {
		name, value, _ := strings.Cut(line, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		switch strings.ToLower(name) {
		case "processor":
			if _, err := strconv.Atoi(value); err == nil {
				models = append(models, "")
			} else {
				common = value
			}
		case "model name", "cpu", "cpu model":
			if n := len(models); n > 0 && models[n-1] == "" {
				models[n-1] = value
			}
		case "hardware", "model":
			common = cmp.Or(common, value)
		case "physical id":
			sockets[value] = true
		case "cpu cores":
			cores, _ = strconv.Atoi(value)
		case "siblings":
			siblings, _ = strconv.Atoi(value)
		case "cpu mhz":
			if mhz == 0 {
				mhz, _ = strconv.ParseFloat(value, 64)
			}
		}
	}
	if len(sockets) == 0 {
		sockets = m.sockets()
	}
	for i := range models {
		models[i] = cmp.Or(models[i], modelName(common))
	}
	threads := 0
	if cores > 0 && siblings > 0 {
		threads = max(1, siblings/cores)
	}
	speed := ""
	if mhz > 0 {
		speed = humanHertz(mhz * 1e6)
	}
	// What "uname -p" prints is the packager's choice.
	isa := "unknown"
	if family == "RedHat" {
		isa = m.hardware
	}
	return processors(models, len(sockets), cores, threads, speed, isa)
}

// modelName drops a text that only numbers a model.
func modelName(s string) string {
	if strings.Trim(s, "0123456789") == "" {
		return ""
	}
	return s
}

// sockets counts CPU packages where cpuinfo does not.
func (m machine) sockets() map[string]bool {
	found := map[string]bool{}
	for _, name := range m.names("sys/devices/system/cpu") {
		if n := strings.TrimPrefix(name, "cpu"); n == name || strings.Trim(n, "0123456789") != "" {
			continue
		}
		if id := m.read("sys/devices/system/cpu/" + name + "/topology/physical_package_id"); id != "" {
			found[id] = true
		}
	}
	return found
}
