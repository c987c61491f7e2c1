package broker

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// sink turns the server's log lines into records. What it says of itself while
// it starts and stops is for those who debug it.
type sink struct {
	log     *slog.Logger
	started atomic.Bool
	failed  chan error // holds the first fatal error

	mu    sync.Mutex
	since time.Time // of complaints that are counted
	lines int       // complaints since then
}

func (s *sink) Noticef(format string, v ...any) {
	if s.started.Load() {
		s.log.Info(text(format, v)) //lint:allow logtext the words are those of nats-server
		return
	}
	s.log.Debug(text(format, v)) //lint:allow logtext the words are those of nats-server
}

func (s *sink) Warnf(format string, v ...any)  { s.limited(slog.LevelWarn, format, v) }
func (s *sink) Errorf(format string, v ...any) { s.limited(slog.LevelError, format, v) }

//lint:allow logtext the words are those of nats-server
func (s *sink) Debugf(format string, v ...any) { s.log.Debug(text(format, v)) }

//lint:allow logtext the words are those of nats-server
func (s *sink) Tracef(format string, v ...any) { s.log.Debug(text(format, v), "trace", true) }

// Fatalf keeps the reason for Start or Run; the program lives on.
func (s *sink) Fatalf(format string, v ...any) {
	t := text(format, v)
	s.log.Error(t) //lint:allow logtext the words are those of nats-server
	select {
	case s.failed <- fmt.Errorf("broker: %s", t):
	default:
	}
}

// What strangers do wrong is said by nats-server one by one, with all the words that
// they sent: that must not fill the disk.
const (
	complaintTime  = 10 * time.Second
	complaintLines = 200
	complaintText  = 512
)

// limited writes a complaint, if there were not many lately.
func (s *sink) limited(level slog.Level, format string, v []any) {
	now := time.Now()
	s.mu.Lock()
	left := 0
	if now.Sub(s.since) >= complaintTime {
		left = max(0, s.lines-complaintLines)
		s.since, s.lines = now, 0
	}
	s.lines++
	write := s.lines <= complaintLines
	s.mu.Unlock()
	if left > 0 {
		s.log.Warn("messages of the broker left out", "lines", left)
	}
	if write {
		t := text(format, v)
		if len(t) > complaintText {
			t = strings.ToValidUTF8(t[:complaintText], "") + "..."
		}
		s.log.Log(context.Background(), level, t) //lint:allow logtext the words are those of nats-server
	}
}

func text(format string, v []any) string { return strings.TrimSpace(fmt.Sprintf(format, v...)) }
