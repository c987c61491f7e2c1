// Package sysinfo is the agent that tells how a machine is: since when it runs, its load, memory, disks, and who is logged in.
package sysinfo

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"mcollective/agent"
	"mcollective/internal/plainfile"
	"mcollective/rpc"
	"mcollective/value"
)

//go:embed sysinfo.yaml
var definition []byte

// Options configure the agent.
type Options struct {
	Root string // directory that holds proc and run; default: /

	Now    func() time.Time                      // default: time.Now
	Statfs func(path string) (Filesystem, error) // default: the system call
}

// An Agent is the agent sysinfo.
type Agent struct {
	*agent.Mux
	opts  Options
	disks prober
}

// New makes the agent.
func New(o Options) (*Agent, error) {
	o.Root = cmp.Or(o.Root, "/")
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Statfs == nil {
		o.Statfs = statfs
	}
	a := &Agent{opts: o, disks: prober{ask: o.Statfs}}
	var err error
	a.Mux, err = agent.NewMux("sysinfo.yaml", definition, map[string]agent.ActionFunc{
		"uptime": a.uptime, "load": a.load, "memory": a.memory, "disks": a.diskUse, "who": a.who,
	})
	return a, err
}

// Active says no where there is no /proc as Linux has it.
func (a *Agent) Active(context.Context) error {
	if _, err := os.Stat(a.path("proc/uptime")); err != nil {
		return fmt.Errorf("it knows Linux only: %w", err)
	}
	return nil
}

// maxText bounds a file of text. /proc/stat and mountinfo have megabytes on large machines.
const maxText = 16 << 20

func (a *Agent) path(name string) string { return filepath.Join(a.opts.Root, name) }

// words reads the words of a one-line file of /proc.
func (a *Agent) words(name string, least int) ([]string, error) {
	text, err := plainfile.Read(a.path(name), maxText)
	if err != nil {
		return nil, err
	}
	words := strings.Fields(string(text))
	if len(words) < least {
		return nil, fmt.Errorf("%s says %q, which is not what Linux writes", a.path(name), text)
	}
	return words, nil
}

func (a *Agent) uptime(_ context.Context, _ *agent.Request, reply *rpc.Reply) error {
	words, err := a.words("proc/uptime", 1)
	if err != nil {
		return err
	}
	seconds, err := strconv.ParseFloat(words[0], 64)
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", a.path("proc/uptime"), err)
	}
	reply.Set("uptime", spell(int64(seconds)))
	reply.Set("seconds", int64(seconds))
	reply.Set("booted", a.opts.Now().Unix()-int64(seconds))
	return nil
}

// spell returns a duration as people say it: "3 days, 4:05".
func spell(seconds int64) string {
	days, hours, minutes := seconds/86400, seconds/3600%24, seconds/60%60
	clock := fmt.Sprintf("%d:%02d", hours, minutes)
	switch days {
	case 0:
		return clock
	case 1:
		return "1 day, " + clock
	}
	return fmt.Sprintf("%d days, %s", days, clock)
}

func (a *Agent) load(_ context.Context, _ *agent.Request, reply *rpc.Reply) error {
	words, err := a.words("proc/loadavg", 4)
	if err != nil {
		return err
	}
	for i, name := range []string{"load1", "load5", "load15"} {
		n, err := strconv.ParseFloat(words[i], 64)
		if err != nil {
			return fmt.Errorf("cannot read %s: %w", a.path("proc/loadavg"), err)
		}
		reply.Set(name, n)
	}
	running, all, _ := strings.Cut(words[3], "/")
	for name, text := range map[string]string{"running": running, "threads": all} {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			reply.Set(name, n)
		}
	}
	text, err := plainfile.Read(a.path("proc/stat"), maxText)
	if err != nil {
		return err
	}
	processors := int64(0)
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte("cpu")); ok && len(rest) > 0 && rest[0] >= '0' && rest[0] <= '9' {
			processors++
		}
	}
	reply.Set("processors", processors)
	return nil
}

func (a *Agent) memory(_ context.Context, _ *agent.Request, reply *rpc.Reply) error {
	text, err := plainfile.Read(a.path("proc/meminfo"), maxText)
	if err != nil {
		return err
	}
	size := map[string]int64{}
	for line := range strings.Lines(string(text)) {
		name, rest, _ := strings.Cut(line, ":")
		number, unit, _ := strings.Cut(strings.TrimSpace(rest), " ")
		if n, err := strconv.ParseInt(number, 10, 64); err == nil && unit == "kB" {
			size[name] = n << 10
		}
	}
	total, available := size["MemTotal"], size["MemAvailable"]
	if total == 0 {
		return fmt.Errorf("%s does not tell the memory", a.path("proc/meminfo"))
	}
	cached := size["Cached"] + size["SReclaimable"]
	if available == 0 { // before Linux 3.14
		available = size["MemFree"] + size["Buffers"] + cached
	}
	used := max(total-available, 0)
	for name, value := range map[string]int64{
		"total": total, "available": available, "used": used, "free": size["MemFree"], "buffers": size["Buffers"],
		"cached": cached, "swap_total": size["SwapTotal"], "swap_used": size["SwapTotal"] - size["SwapFree"],
	} {
		reply.Set(name, value)
	}
	reply.Set("used_percent", percent(uint64(used), uint64(total)))
	return nil
}

// percent is rounded to tenths, since it is shown.
func percent(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(int64(float64(part)*1000/float64(whole)+0.5)) / 10
}

// hash is made of names, which become symbols, and values in turn.
func hash(kv ...any) *value.Map {
	for i := 0; i < len(kv); i += 2 {
		kv[i] = value.Symbol(kv[i].(string))
	}
	return value.NewMap(kv...)
}
