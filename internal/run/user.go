package run

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
)

// UserIDs returns the user and group number of a Command's User. For "" these are
// those of this process.
func UserIDs(name string) (uid, gid int, err error) {
	if name == "" {
		return os.Geteuid(), os.Getegid(), nil
	}
	_, uid, gid, err = lookUser(name)
	return uid, gid, err
}

// lookUser finds a user by login name or number.
func lookUser(name string) (u *user.User, uid, gid int, err error) {
	if u, err = user.Lookup(name); err != nil {
		if u, err = user.LookupId(name); err != nil {
			return nil, 0, 0, fmt.Errorf("there is no user %q on this machine", name)
		}
	}
	n, err1 := strconv.ParseUint(u.Uid, 10, 32)
	g, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err1 != nil || err2 != nil {
		return nil, 0, 0, fmt.Errorf("user %q has no numbers", name)
	}
	return u, int(n), int(g), nil
}
