package broker

import (
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
)

// sink turns the server's log lines into records. What it says of itself while
// it starts and stops is for those who debug it.
type sink struct {
	log     *slog.Logger
	started atomic.Bool
	failed  chan error // holds the first fatal error
}

func (s *sink) Noticef(format string, v ...any) {
	if s.started.Load() {
		s.log.Info(text(format, v))
		return
	}
	s.log.Debug(text(format, v))
}

func (s *sink) Warnf(format string, v ...any)  { s.log.Warn(text(format, v)) }
func (s *sink) Errorf(format string, v ...any) { s.log.Error(text(format, v)) }
func (s *sink) Debugf(format string, v ...any) { s.log.Debug(text(format, v)) }
func (s *sink) Tracef(format string, v ...any) { s.log.Debug(text(format, v), "trace", true) }

// Fatalf keeps the reason for Start or Run; the program lives on.
func (s *sink) Fatalf(format string, v ...any) {
	t := text(format, v)
	s.log.Error(t)
	select {
	case s.failed <- fmt.Errorf("broker: %s", t):
	default:
	}
}

func text(format string, v []any) string { return strings.TrimSpace(fmt.Sprintf(format, v...)) }
