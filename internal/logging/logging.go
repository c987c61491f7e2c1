// Package logging writes the log lines that operators of MCollective know.
//
// [New] gives an ordinary slog.Logger and a [Control] to change its level and
// reopen its file while it is in use. There are three kinds of log:
//
//	console  level Y/M/D h:m:s: source text
//	file     I, [time with microseconds and offset  #pid]  INFO -- : source text
//	syslog   source text, to the local system log
//
// The source is the file and line that logged. Attributes follow the text as
// key=value. Much of what is logged comes from the network, so control
// characters are always escaped: one record is one line, and a terminal never
// sees a foreign escape sequence.
//
// The package starts no goroutines. A log that cannot be written never stops
// the program: the line goes to standard error instead.
package logging

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// LevelFatal is above slog.LevelError: the program cannot go on.
const LevelFatal = slog.Level(12)

// Options say where to log and how much. The zero value logs from info up to
// standard error.
type Options struct {
	// Type is console, file or syslog. Default: console.
	Type string
	// Level is debug, info, warn, error or fatal. Default: info.
	Level string
	// File is the path of the log of type file.
	File string
	// KeepLogs is the number of files kept by rotation, the current one
	// included; 0 never rotates.
	KeepLogs int
	// MaxSize is the size in bytes above which the file rotates. Default: 2 MiB.
	MaxSize int64
	// Facility is the syslog facility; an unknown one becomes user, as in Ruby.
	// Default: user.
	Facility string
	// Program is the tag of syslog lines. Default: the name of this program.
	Program string
	// Color allows colours on the console if Console is a terminal and NO_COLOR
	// is not set.
	Color bool
	// Console receives the log of the console type, and is the last resort of the
	// others. Default: os.Stderr.
	Console io.Writer
	// Socket is the local system log. Default: the first of /dev/log,
	// /var/run/syslog and /var/run/log that answers.
	Socket string
	// Now is the clock for records without a time and for the pause between
	// attempts to reach a system log that is gone. Default: time.Now.
	Now func() time.Time
}

// A sink takes finished lines. The handler calls it under a lock.
type sink interface {
	// layout appends what stands in front of the text.
	layout(buf []byte, level slog.Level, t time.Time) []byte
	write(level slog.Level, line []byte) error
	reopen() error
	close() error
}

// A Control steers a log that New made. Its methods may be called from any
// goroutine, at any time.
type Control struct {
	level slog.LevelVar
	log   *slog.Logger

	mu      sync.Mutex
	sink    sink
	last    io.Writer // last resort
	failing bool      // the last resort has been told why
	lost    uint64
	now     func() time.Time
}

// New opens a log. Close the Control when the program ends.
func New(o Options) (*slog.Logger, *Control, error) {
	level, err := ParseLevel(cmp.Or(o.Level, "info"))
	if err != nil {
		return nil, nil, err
	}
	c := &Control{last: o.Console, now: o.Now}
	if c.last == nil {
		c.last = os.Stderr
	}
	if c.now == nil {
		c.now = time.Now
	}
	c.level.Set(level)
	switch strings.ToLower(cmp.Or(o.Type, "console")) {
	case "console":
		c.sink = &console{w: c.last, color: o.Color && colorful(c.last)}
	case "file":
		c.sink, err = openFile(o.File, o.KeepLogs, o.MaxSize)
	case "syslog":
		c.sink, err = openSyslog(o)
	default:
		err = fmt.Errorf("unknown type of log %q; there are console, file and syslog", o.Type)
	}
	if err != nil {
		return nil, nil, err
	}
	c.log = slog.New(&handler{control: c})
	return c.log, c, nil
}

// ParseLevel returns the level of a name: debug, info, warn, error or fatal.
func ParseLevel(name string) (slog.Level, error) {
	for _, l := range levels {
		if strings.EqualFold(name, levelName(l)) {
			return l, nil
		}
	}
	return 0, fmt.Errorf("unknown log level %q; there are debug, info, warn, error and fatal", name)
}

var levels = [...]slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, LevelFatal}

// levelName is MCollective's name of the highest level that l reaches.
func levelName(l slog.Level) string {
	switch {
	case l < slog.LevelInfo:
		return "debug"
	case l < slog.LevelWarn:
		return "info"
	case l < slog.LevelError:
		return "warn"
	case l < LevelFatal:
		return "error"
	}
	return "fatal"
}

// Level returns the lowest level that is logged.
func (c *Control) Level() slog.Level { return c.level.Level() }

// SetLevel changes the lowest level that is logged.
func (c *Control) SetLevel(l slog.Level) { c.level.Set(l) }

// CycleLevel goes on to the next level, from fatal back to debug, and says so in
// the log at that level.
func (c *Control) CycleLevel() slog.Level {
	next := levels[0]
	for i, l := range levels[:len(levels)-1] {
		if levelName(l) == levelName(c.Level()) {
			next = levels[i+1]
		}
	}
	c.level.Set(next)
	//lint:allow logtext Ruby's words
	c.log.Log(context.Background(), next, "Logging level is now "+strings.ToUpper(levelName(next)))
	return next
}

// Reopen opens the log again by its name, after something else has renamed it.
// If that fails, logging goes on to where it went before.
func (c *Control) Reopen() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sink.reopen()
}

// Lost returns the number of lines that had to go to the last resort as well or
// instead.
func (c *Control) Lost() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lost
}

// Close closes the log. Lines logged later go to the last resort.
func (c *Control) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.sink.close()
	c.sink = &console{w: c.last}
	return err
}

// write hands a line to the sink, and to the last resort if that fails. The
// reason is told once for each time that the log stops working.
func (c *Control) write(level slog.Level, line []byte, text int) {
	err := c.sink.write(level, line)
	if err == nil {
		c.failing = false
		return
	}
	c.lost++
	if !c.failing {
		c.failing = true
		fmt.Fprintf(c.last, "cannot write the log, writing it here: %v\n", err)
	}
	fmt.Fprintf(c.last, "%s: %s", levelName(level), line[text:])
}

// console writes to a terminal, or to what stands in for one.
type console struct {
	w     io.Writer
	color bool
}

func (c *console) layout(buf []byte, level slog.Level, t time.Time) []byte {
	if color := ansi(level); c.color && color != "" {
		buf = append(buf, color...)
		buf = append(buf, levelName(level)...)
		buf = append(buf, "\x1b[0m"...)
	} else {
		buf = append(buf, levelName(level)...)
	}
	return t.AppendFormat(buf, " 2006/01/02 15:04:05: ")
}

func (c *console) write(_ slog.Level, line []byte) error {
	_, err := c.w.Write(line)
	return err
}

func (c *console) reopen() error { return nil }
func (c *console) close() error  { return nil }

func ansi(level slog.Level) string {
	switch levelName(level) {
	case "info":
		return "\x1b[32m"
	case "warn":
		return "\x1b[33m"
	case "error", "fatal":
		return "\x1b[31m"
	}
	return ""
}

// colorful holds for a terminal whose user has not asked for plain text.
func colorful(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}

func program() string { return filepath.Base(os.Args[0]) }
