package stdio

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

const (
	mostLines  = 200 // of one call, or of a worker in a minute
	longestLog = 2 << 10
)

// prefixes are how a line of standard error says its level.
var prefixes = map[string]slog.Level{"E! ": slog.LevelError, "W! ": slog.LevelWarn, "I! ": slog.LevelInfo, "D! ": slog.LevelDebug}

// prefixOf returns the level of a line, if it says one, and the rest.
func prefixOf(line string) (level slog.Level, rest string, ok bool) {
	if len(line) >= 3 {
		if level, ok = prefixes[line[:3]]; ok {
			return level, line[3:], true
		}
	}
	return 0, line, false
}

// A Logger writes what a program says beside its answers into the node's log,
// within a bound.
type Logger struct {
	log   *slog.Logger
	level slog.Level

	mu    sync.Mutex
	lines int
	since time.Time
}

// NewLogger returns a Logger that gives lines that do not say it that level.
func NewLogger(log *slog.Logger, level slog.Level) *Logger { return &Logger{log: log, level: level} }

// Line logs a line of standard error.
func (l *Logger) Line(text string) {
	level, text, ok := prefixOf(text)
	if !ok {
		level = l.level
	}
	l.Log(level, text)
}

// Lines logs each line of a text.
func (l *Logger) Lines(text []byte) {
	for line := range strings.Lines(string(text)) {
		l.Line(strings.TrimRight(line, "\r\n"))
	}
}

// Message logs a message of type Log.
func (l *Logger) Message(m Message) {
	text := m.Text("text")
	if v, _ := m.All.Get("text"); v == nil {
		text = m.Text("message")
	}
	level := slog.LevelInfo
	switch m.Text("level") {
	case "debug":
		level = slog.LevelDebug
	case "warn", "warning":
		level = slog.LevelWarn
	case "error", "fatal":
		level = slog.LevelError
	}
	l.Log(level, text)
}

// Log logs a text of a program.
func (l *Logger) Log(level slog.Level, text string) {
	l.mu.Lock()
	if now := time.Now(); now.Sub(l.since) > time.Minute {
		l.since, l.lines = now, 0
	}
	l.lines++
	n := l.lines
	l.mu.Unlock()
	switch {
	case n < mostLines:
		l.log.Log(context.Background(), level, Clip(text, longestLog)) //lint:allow logtext the words are the program's
	case n == mostLines:
		l.log.Warn("stderr rate limit reached; dropping output")
	}
}

// StderrText is standard error as a status message.
func StderrText(stderr []byte) string {
	var lines []string
	for line := range strings.Lines(string(stderr)) {
		_, line, _ = prefixOf(strings.TrimRight(line, "\r\n"))
		lines = append(lines, line)
	}
	return Clip(strings.TrimSpace(strings.Join(lines, "\n")), mostMessage)
}
