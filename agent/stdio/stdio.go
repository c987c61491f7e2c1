// Package stdio makes agents of programs in any language.
//
// An executable file in an agents folder is an agent. A descriptor beside it,
// NAME.yaml, NAME.json or NAME.ddl, says which actions it has and how it is
// spoken to; docs/agents.md is the description for authors. [Load] reads folders,
// a [Loader] reads them again when they changed, and [Open] reads one file.
//
// A program is never run to ask what it is, and not at all if somebody other than
// root and this user may write to it. It runs by package run: without a shell, in
// a clean environment, within limits, and nothing of it stays. Whatever it
// prints, a call ends with a reply: an ending that is not the agent's own answer
// has status 5 and says which it was.
package stdio

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"mcollective/agent"
	"mcollective/ddl"
	"mcollective/filter"
	"mcollective/internal/run"
	"mcollective/internal/trust"
	"mcollective/rpc"
	"mcollective/value"
)

const (
	mostMessage   = 4 << 10 // bytes of a status message
	activateTime  = 2 * time.Second
	activateWorks = "activate" // the output by which an activation answers
)

// Options say where agents are and what they are told of the node.
type Options struct {
	Dirs []string // agents folders; the first that has an agent of a name wins

	Config string                // the node's configuration file, which agents are told of
	Facts  func() map[string]any // the node's facts, for agents and their requirements; default: none

	// Interpreters run tasks of Bolt, by the extension of their files, like ".rb".
	// Others are run as their first line says.
	Interpreters map[string]string

	User      string       // that programs run as, if their descriptor names none; default: this process's own
	Temp      string       // folder for what calls need for a moment; default: the system's
	Unchecked bool         // run files whoever may write to them. For authors who try their own
	Log       *slog.Logger // default: discard

	// Event is given what a worker says unasked, as {"type":"event","data":{...}}.
	// Default: it is logged.
	Event func(agent string, data *value.Map)
}

// An Agent is a program as an agent. It is an agent.Agent, agent.Activator and
// agent.Closer.
type Agent struct {
	opts       Options
	settings   settings
	definition *ddl.Definition
	name       string
	program    string // absolute path
	runner     string // the program that runs it; "" if it is run itself
	descriptor string // "" for a plain script
	task       *task  // of protocol bolt
	plain      bool   // given words, as it declares no actions
	log        *slog.Logger
	worker     *worker
	turns      turns // of a one-shot's calls
	facts      *factsFile
}

// Info is what there is to know of an agent besides its definition.
type Info struct {
	Program    string // the file that is run
	Descriptor string // the file that describes it; "" for a plain script
	Mode       Mode
	Protocol   Protocol
	User       string // as whom it runs; "" means as this process
}

// Info tells how the agent is run.
func (a *Agent) Info() Info {
	return Info{a.program, a.descriptor, a.settings.mode, a.settings.protocol, a.user()}
}

// Definition is what the agent says of itself.
func (a *Agent) Definition() *ddl.Definition { return a.definition }

// Close ends a worker. Calls that are under way fail.
func (a *Agent) Close() error {
	if a.worker != nil {
		a.worker.close()
	}
	return nil
}

// Inactive tells why a worker is not started any more, or nil.
func (a *Agent) Inactive() error {
	if a.worker == nil {
		return nil
	}
	return a.worker.inactive()
}

// Call runs an action.
func (a *Agent) Call(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	action := a.definition.Action(req.Action)
	if a.worker != nil {
		return a.worker.call(ctx, req, action, reply)
	}
	waiting, cancel := half(ctx)
	turn := a.turns.take(waiting)
	cancel()
	switch {
	case !turn && ctx.Err() != nil:
		return rpc.Errorf(rpc.UnknownError, "the call of agent %s was broken off", a.name)
	case !turn:
		return rpc.Errorf(rpc.UnknownError, "busy: agent %s runs %d calls at once, and none of them has ended in time; try again later", a.name, a.settings.concurrency)
	}
	defer a.turns.release()
	if err := a.trusted(); err != nil {
		return err
	}
	switch a.settings.protocol {
	case MCollective:
		return a.callMCollective(ctx, req, reply)
	case Choria:
		return a.callChoria(ctx, req, action, reply)
	case Bolt:
		return a.callBolt(ctx, req, reply)
	case Nagios:
		return a.callNagios(ctx, req, action, reply)
	}
	return a.callScript(ctx, req, action, reply)
}

func (a *Agent) trusted() error {
	if a.opts.Unchecked {
		return nil
	}
	if a.runner != "" { // in place of what the first line names
		return cmp.Or(trust.Check(a.program), trust.Program(a.runner, run.Look))
	}
	return trust.Program(a.program, run.Look)
}

func (a *Agent) user() string {
	if a.settings.user != "" {
		return a.settings.user
	}
	return a.opts.User
}

// Active tells why the agent cannot work here: what it requires is not there, or
// its own activation says no.
func (a *Agent) Active(ctx context.Context) error {
	if err := a.required(); err != nil {
		return err
	}
	if err := a.trusted(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, activateTime)
	defer cancel()
	if a.settings.protocol == Choria {
		return a.activateChoria(ctx)
	}
	if a.settings.activation == "" {
		return nil
	}
	reply := rpc.NewReply()
	req := &agent.Request{Request: &rpc.Request{Agent: a.name, Action: a.settings.activation, Data: value.NewMap()}, Time: time.Now(), TTL: activateTime}
	err := a.Call(ctx, req, reply)
	if err == nil && reply.Status != rpc.OK {
		err = errors.New(reply.Message)
	}
	if err != nil {
		return fmt.Errorf("its activation failed: %w", err)
	}
	if v, _ := reply.Output(activateWorks); v == false || v == "false" {
		return fmt.Errorf("its action %s says that it cannot work here", a.settings.activation)
	}
	return nil
}

func (a *Agent) required() error {
	for _, name := range a.settings.commands {
		if _, err := run.Look(name); err != nil {
			return fmt.Errorf("it requires the command %s: %w", name, err)
		}
	}
	for _, path := range a.settings.paths {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("it requires the file %s, which is not there", path)
		}
	}
	if len(a.settings.facts) == 0 {
		return nil
	}
	for _, fact := range a.settings.facts {
		f := filter.Filter{Facts: []filter.Fact{fact}}
		if ok, err := f.MatchPlain(factsNode(a.nodeFacts()), filter.Rules{}); err != nil || !ok {
			return fmt.Errorf("it requires the fact %s", fact)
		}
	}
	return nil
}

func (a *Agent) nodeFacts() map[string]any {
	if a.opts.Facts == nil {
		return nil
	}
	return a.opts.Facts()
}

// factsNode is a node of which nothing is known but facts.
type factsNode map[string]any

func (n factsNode) Identity() string  { return "" }
func (n factsNode) Agents() []string  { return nil }
func (n factsNode) Classes() []string { return nil }
func (n factsNode) Fact(name string) (any, bool) {
	v, ok := n[name]
	return v, ok
}
func (n factsNode) Data(context.Context, string, string) (map[string]any, error) {
	return nil, errors.New("no data plugins")
}

// A programLog writes what programs complain about into the node's log, within a
// bound for each call.
type programLog struct {
	log   *slog.Logger
	level slog.Level // of lines that do not say

	mu    sync.Mutex
	lines int
	since time.Time
}

const mostLines = 200 // of one call, or of a worker in a minute

var prefixes = map[string]slog.Level{"E! ": slog.LevelError, "W! ": slog.LevelWarn, "I! ": slog.LevelInfo, "D! ": slog.LevelDebug}

func (l *programLog) line(text string) {
	l.mu.Lock()
	if now := time.Now(); now.Sub(l.since) > time.Minute {
		l.since, l.lines = now, 0
	}
	l.lines++
	n := l.lines
	l.mu.Unlock()
	level := l.level
	if len(text) >= 3 {
		if p, ok := prefixes[text[:3]]; ok {
			level, text = p, text[3:]
		}
	}
	switch {
	case n < mostLines:
		l.log.Log(context.Background(), level, clip(text, longestLog))
	case n == mostLines:
		l.log.Warn("the program complains too much, the rest is dropped")
	}
}

const longestLog = 2 << 10

// complaint is standard error as a status message.
func complaint(stderr []byte) string {
	var lines []string
	for line := range strings.Lines(string(stderr)) {
		line = strings.TrimRight(line, "\r\n")
		if len(line) >= 3 {
			if _, ok := prefixes[line[:3]]; ok {
				line = line[3:]
			}
		}
		lines = append(lines, line)
	}
	return clip(strings.TrimSpace(strings.Join(lines, "\n")), mostMessage)
}
