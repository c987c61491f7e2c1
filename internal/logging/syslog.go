package logging

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// syslogDeadline bounds the wait for a system log that does not read.
const syslogDeadline = 500 * time.Millisecond

// syslogPause is the time between attempts to reach a system log that is gone.
const syslogPause = time.Second

// syslog sends lines to the local system log in the form of RFC 3164 that local
// sockets take, which has no host name.
type syslog struct {
	sockets  []string
	facility int
	tag      string
	conn     net.Conn
	retry    time.Time // no attempt before this time
	now      func() time.Time
}

func openSyslog(o Options) (*syslog, error) {
	s := &syslog{
		sockets:  []string{"/dev/log", "/var/run/syslog", "/var/run/log"},
		facility: facility(cmp.Or(o.Facility, "user")),
		tag:      cmp.Or(o.Program, program()),
		now:      o.Now,
	}
	if s.now == nil {
		s.now = time.Now
	}
	if o.Socket != "" {
		s.sockets = []string{o.Socket}
	}
	if s.facility < 0 {
		w := o.Console
		if w == nil {
			w = os.Stderr
		}
		fmt.Fprintf(w, "Invalid syslog facility %q supplied, reverting to USER\n", o.Facility)
		s.facility = facility("user")
	}
	if err := s.dial(); err != nil {
		return nil, fmt.Errorf("cannot reach the system log: %w", err)
	}
	return s, nil
}

// facility returns the number of a facility's name, or -1.
func facility(name string) int {
	name = strings.ToLower(name)
	for i, n := range [...]string{"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"} {
		if n == name {
			return i
		}
	}
	if n, ok := strings.CutPrefix(name, "local"); ok && len(n) == 1 && n[0] >= '0' && n[0] <= '7' {
		return 16 + int(n[0]-'0')
	}
	return -1
}

// severity returns the number that Ruby MCollective's levels have in syslog.
func severity(level slog.Level) int {
	switch levelName(level) {
	case "debug":
		return 7
	case "info":
		return 6
	case "warn":
		return 4
	case "error":
		return 3
	}
	return 2
}

func (s *syslog) dial() error {
	var errs []error
	for _, path := range s.sockets {
		for _, network := range []string{"unixgram", "unix"} {
			conn, err := net.DialTimeout(network, path, syslogDeadline)
			if err == nil {
				s.conn = conn
				return nil
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (s *syslog) layout(buf []byte, level slog.Level, t time.Time) []byte {
	buf = append(buf, '<')
	buf = strconv.AppendInt(buf, int64(s.facility*8+severity(level)), 10)
	buf = t.AppendFormat(append(buf, '>'), time.Stamp)
	buf = append(append(buf, ' '), s.tag...)
	buf = strconv.AppendInt(append(buf, '['), int64(os.Getpid()), 10)
	return append(buf, "]: "...)
}

// write sends a line; if the system log has been restarted, over a new socket.
func (s *syslog) write(_ slog.Level, line []byte) error {
	if s.conn != nil {
		err := s.send(line)
		if err == nil {
			return nil
		}
		s.conn.Close()
		s.conn = nil
		if errors.Is(err, os.ErrDeadlineExceeded) {
			s.retry = s.now().Add(syslogPause)
			return err
		}
	}
	if s.now().Before(s.retry) {
		return errors.New("the system log does not answer")
	}
	if err := s.dial(); err != nil {
		s.retry = s.now().Add(syslogPause)
		return err
	}
	return s.send(line)
}

func (s *syslog) send(line []byte) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(syslogDeadline)); err != nil {
		return err
	}
	_, err := s.conn.Write(line)
	return err
}

// reopen takes a new socket with the next line.
func (s *syslog) reopen() error {
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
	s.retry = time.Time{}
	return nil
}

func (s *syslog) close() error {
	if s.conn == nil {
		return nil
	}
	err := s.conn.Close()
	s.conn = nil
	s.retry = time.Unix(1<<40, 0)
	return err
}
