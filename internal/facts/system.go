package facts

import (
	"cmp"
	"strings"
)

// A distro is what the facts of an operating system are made of.
type distro struct {
	name, family       string // Debian, RedHat
	release            string // as the distribution counts
	majorOnly          bool   // the whole release is its major version: 22.04
	id, codename, text string // of os.distro
	architecture       string
	hardware           string
}

// facts are os.* and the legacy names of the same.
func (d distro) facts() Set {
	release := releaseFacts(d.release, d.majorOnly)
	os := map[string]any{}
	put(os, "name", d.name)
	put(os, "family", d.family)
	put(os, "architecture", d.architecture)
	put(os, "hardware", d.hardware)
	putMap(os, "release", release)
	s := Set{"os": os}
	put(s, "operatingsystem", d.name)
	put(s, "osfamily", d.family)
	put(s, "architecture", d.architecture)
	put(s, "hardwaremodel", d.hardware)
	put(s, "operatingsystemrelease", text(release, "full"))
	put(s, "operatingsystemmajrelease", text(release, "major"))
	if d.text == "" {
		return s
	}
	distro := map[string]any{"id": cmp.Or(d.id, d.name), "description": d.text}
	put(distro, "codename", d.codename)
	putMap(distro, "release", release)
	os["distro"] = distro
	put(s, "lsbdistid", text(distro, "id"))
	put(s, "lsbdistcodename", d.codename)
	put(s, "lsbdistdescription", d.text)
	put(s, "lsbdistrelease", text(release, "full"))
	put(s, "lsbmajdistrelease", text(release, "major"))
	put(s, "lsbminordistrelease", text(release, "minor"))
	return s
}

// releaseFacts splits a version. One without a number in front, such as
// "trixie/sid", is its own major version.
func releaseFacts(full string, majorOnly bool) map[string]any {
	m := map[string]any{}
	if full == "" {
		return m
	}
	m["full"], m["major"] = full, full
	if majorOnly || full[0] < '0' || full[0] > '9' {
		return m
	}
	major, rest, ok := strings.Cut(full, ".")
	m["major"] = major
	if ok {
		minor, _, _ := strings.Cut(rest, ".")
		put(m, "minor", minor)
	}
	return m
}

// kernel makes the facts of a kernel from its name and release: 5.10.0-21-amd64.
func kernel(name, release string) Set {
	s := Set{}
	put(s, "kernel", name)
	put(s, "kernelrelease", release)
	version := release
	if i := strings.IndexFunc(release, func(r rune) bool { return r != '.' && (r < '0' || r > '9') }); i >= 0 {
		version = release[:i]
	}
	version = strings.TrimRight(version, ".")
	put(s, "kernelversion", version)
	if parts := strings.SplitN(version, ".", 3); len(parts) >= 2 {
		put(s, "kernelmajversion", parts[0]+"."+parts[1])
	} else {
		put(s, "kernelmajversion", version)
	}
	return s
}

// text returns a string in m, or "".
func text(m map[string]any, name string) string {
	s, _ := m[name].(string)
	return s
}
