package facts

import (
	"os"
	"os/user"
	"runtime"
	"strconv"
)

// process makes the facts of this process and its user.
func process() Set {
	uid, gid := os.Getuid(), os.Getgid()
	id := map[string]any{"privileged": strconv.FormatBool(uid == 0)}
	s := Set{"identity": id}
	if runtime.GOOS != "windows" {
		id["uid"], id["gid"] = strconv.Itoa(uid), strconv.Itoa(gid)
	}
	if u, err := user.Current(); err == nil {
		put(id, "user", u.Username)
		put(s, "id", u.Username)
		if g, err := user.LookupGroupId(u.Gid); err == nil {
			put(id, "group", g.Name)
			put(s, "gid", g.Name)
		}
	}
	put(s, "path", os.Getenv("PATH"))
	return s
}
