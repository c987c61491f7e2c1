package facts

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A mount is a line of /proc/self/mounts.
type mount struct {
	device, path, kind string
	options            []any
}

// disks returns the facts of disks, their partitions and what is mounted.
func (m machine) disks() Set {
	mounts := m.mounts()
	s := m.blocks(mounts)
	points := map[string]any{}
	for _, mt := range mounts {
		if f := m.mountFacts(mt); f != nil {
			points[mt.path] = f
		}
	}
	putMap(s, "mountpoints", points)
	return s
}

func (m machine) mounts() []mount {
	var list []mount
	for line := range strings.Lines(m.read("proc/self/mounts")) {
		f := strings.Fields(line)
		if len(f) < 4 {
			continue
		}
		mt := mount{device: octal(f[0]), path: octal(f[1]), kind: f[2]}
		for o := range strings.SplitSeq(f[3], ",") {
			mt.options = append(mt.options, o)
		}
		list = append(list, mt)
	}
	return list
}

// octal undoes the kernel's escaping of blanks in paths: \040.
func octal(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD")
}

// local holds for the file systems that answer without a network and without
// another process. All others are left alone.
func local(kind string) bool {
	switch kind {
	case "ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "reiserfs", "bcachefs", "nilfs2",
		"vfat", "msdos", "exfat", "ntfs3", "hfsplus", "iso9660", "udf", "squashfs", "erofs", "tmpfs", "overlay", "aufs", "ubifs":
		return true
	}
	return false
}

func (m machine) mountFacts(mt mount) map[string]any {
	device := strings.HasPrefix(mt.device, "/dev/") || mt.kind == "zfs"
	if !local(mt.kind) || !device && mt.kind != "tmpfs" && mt.path != "/" {
		return nil
	}
	f := map[string]any{"device": mt.device, "filesystem": mt.kind, "options": mt.options}
	size, free, available, err := m.statfs(mt.path)
	if err != nil {
		return f
	}
	used := size - min(free, size)
	f["size"], f["size_bytes"] = humanBytes(size), whole(size)
	f["available"], f["available_bytes"] = humanBytes(available), whole(available)
	f["used"], f["used_bytes"] = humanBytes(used), whole(used)
	f["capacity"] = percent(used, used+available)
	return f
}

func statfs(path string) (size, free, available uint64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, 0, 0, err
	}
	unit := uint64(st.Frsize)
	if unit == 0 {
		unit = uint64(st.Bsize)
	}
	return st.Blocks * unit, st.Bfree * unit, st.Bavail * unit, nil
}

// blocks returns the facts of disks and partitions, from /sys, without waking a disk.
func (m machine) blocks(mounts []mount) Set {
	disks, parts, s := map[string]any{}, map[string]any{}, Set{}
	mounted := map[string]mount{}
	for _, mt := range mounts {
		if _, ok := mounted[mt.device]; !ok {
			mounted[mt.device] = mt
		}
	}
	var names []string
	for _, name := range m.names("sys/block") {
		dir := "sys/block/" + name
		if !m.exists(dir + "/device") {
			continue // loops, RAM disks, device mapper
		}
		names = append(names, name)
		disk := map[string]any{}
		if n, err := strconv.ParseUint(m.read(dir+"/size"), 10, 54); err == nil {
			disk["size"], disk["size_bytes"] = humanBytes(n*512), whole(n*512)
			s["blockdevice_"+name+"_size"] = whole(n * 512)
		}
		for _, what := range []string{"vendor", "model"} {
			v := m.read(dir + "/device/" + what)
			put(disk, what, v)
			put(s, "blockdevice_"+name+"_"+what, v)
		}
		put(disk, "type", map[string]string{"0": "ssd", "1": "hdd"}[m.read(dir+"/queue/rotational")])
		putMap(disks, name, disk)
		for _, part := range m.names(dir) {
			if m.exists(dir + "/" + part + "/partition") {
				parts["/dev/"+part] = m.partition(dir+"/"+part, mounted["/dev/"+part])
			}
		}
	}
	putMap(s, "disks", disks)
	putMap(s, "partitions", parts)
	put(s, "blockdevices", strings.Join(names, ","))
	return s
}

func (m machine) partition(dir string, mt mount) map[string]any {
	p := map[string]any{}
	if n, err := strconv.ParseUint(m.read(dir+"/size"), 10, 54); err == nil {
		p["size"], p["size_bytes"] = humanBytes(n*512), whole(n*512)
	}
	put(p, "mount", mt.path)
	put(p, "filesystem", mt.kind)
	return p
}
