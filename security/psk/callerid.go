package psk

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"

	"mcollective/message"
)

// callerID makes the caller id of this process: what plugin.psk.callertype asks
// for. An unknown type means uid, as Ruby has it.
func callerID(callerType, identity string) (string, error) {
	id, err := "", error(nil)
	switch callerType {
	case "gid":
		id = "gid=" + strconv.Itoa(os.Getgid())
	case "group":
		var g *user.Group
		if g, err = user.LookupGroupId(strconv.Itoa(os.Getgid())); err == nil {
			id = "group=" + g.Name
		}
	case "user":
		id = "user=" + loginName()
	case "identity":
		id = "identity=" + identity
	default:
		id = "uid=" + strconv.Itoa(os.Getuid())
	}
	if err == nil {
		err = message.ValidCallerID(id)
	}
	if err != nil {
		return "", fmt.Errorf("plugin.psk.callertype = %s: %w", callerType, err)
	}
	return id, nil
}

// loginName returns who logged in, which sudo does not change, like getlogin(3): the
// audit subsystem knows, else the environment says, else it is who we run as.
func loginName() string {
	if b, err := os.ReadFile("/proc/self/loginuid"); err == nil {
		uid := strings.TrimSpace(string(b))
		if u, err := user.LookupId(uid); err == nil && uid != "4294967295" {
			return u.Username
		}
	}
	if name := os.Getenv("USER"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}
