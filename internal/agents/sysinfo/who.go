package sysinfo

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"mcollective/agent"
	"mcollective/internal/plainfile"
	"mcollective/rpc"
)

// A login is somebody at a terminal.
type login struct {
	user, tty, host string
	since, pid      int64
}

// who asks the file that login programs write, and systemd where that file is
// no longer kept.
func (a *Agent) who(_ context.Context, _ *agent.Request, reply *rpc.Reply) error {
	logins, err := a.utmp()
	if errors.Is(err, fs.ErrNotExist) {
		logins, err = a.sessions()
	}
	if err != nil {
		return err
	}
	list, users := []any{}, []any{}
	for _, l := range logins {
		list = append(list, hash("user", l.user, "tty", l.tty, "host", l.host, "since", l.since, "pid", l.pid))
		if !slices.Contains(users, any(l.user)) {
			users = append(users, l.user)
		}
	}
	reply.Set("logins", list)
	reply.Set("count", int64(len(list)))
	reply.Set("users", users)
	return nil
}

const (
	utmpRecord  = 384 // bytes, on every Linux
	userProcess = 7   // the type of a record that is a login
	maxUtmp     = 4 << 20
)

// utmp reads the records of logins. One of a process that is gone, since it was
// killed, is left out as by who.
func (a *Agent) utmp() ([]login, error) {
	data, err := plainfile.Read(a.path("run/utmp"), maxUtmp)
	if err != nil {
		return nil, err
	}
	var logins []login
	for ; len(data) >= utmpRecord; data = data[utmpRecord:] {
		if l, ok := parseUtmp(data[:utmpRecord]); ok && a.alive(l.pid) {
			logins = append(logins, l)
		}
	}
	return logins, nil
}

func parseUtmp(r []byte) (login, bool) {
	text := func(from, to int) string {
		s, _, _ := bytes.Cut(r[from:to], []byte{0})
		return clean(string(s))
	}
	l := login{
		pid: int64(binary.NativeEndian.Uint32(r[4:])), tty: text(8, 40), user: text(44, 76), host: text(76, 332),
		since: int64(binary.NativeEndian.Uint32(r[340:])),
	}
	return l, binary.NativeEndian.Uint16(r) == userProcess && l.user != ""
}

func (a *Agent) alive(pid int64) bool {
	_, err := os.Stat(a.path(filepath.Join("proc", strconv.FormatInt(pid, 10))))
	return err == nil
}

// sessions reads what systemd-logind keeps of each session.
func (a *Agent) sessions() ([]login, error) {
	dir := a.path("run/systemd/sessions")
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // nobody can log in
	}
	if err != nil {
		return nil, err
	}
	var logins []login
	for _, e := range entries {
		text, err := plainfile.Read(filepath.Join(dir, e.Name()), maxText)
		if err != nil || strings.HasSuffix(e.Name(), ".ref") {
			continue // it has just ended
		}
		vars := map[string]string{}
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
				vars[name] = clean(strings.Trim(value, `"`))
			}
		}
		if vars["CLASS"] != "user" || vars["STATE"] == "closing" {
			continue
		}
		since, _ := strconv.ParseInt(vars["REALTIME"], 10, 64)
		pid, _ := strconv.ParseInt(vars["LEADER"], 10, 64)
		logins = append(logins, login{vars["USER"], vars["TTY"], vars["REMOTE_HOST"], since / 1_000_000, pid})
	}
	return logins, nil
}
