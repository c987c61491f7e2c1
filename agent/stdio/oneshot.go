package stdio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"mcollective/agent"
	"mcollective/ddl"
	"mcollective/internal/run"
	"mcollective/internal/shellwords"
	"mcollective/internal/yaml"
	"mcollective/rpc"
	"mcollective/value"
)

// argsInput is the input of a plain script that becomes its arguments.
const argsInput = "args"

// longestArg bounds the inputs that are also variables.
const longestArg = 32 << 10

// document is a request as a program reads it.
type document struct {
	Type       string  `json:"type,omitempty"`
	ID         string  `json:"id"`
	Agent      string  `json:"agent"`
	Action     string  `json:"action"`
	Caller     string  `json:"caller"`
	Sender     string  `json:"sender"`
	Collective string  `json:"collective"`
	Noop       bool    `json:"noop"`
	Time       int64   `json:"time"`     // when it was sent, in seconds since 1970
	TTL        int64   `json:"ttl"`      // seconds
	Deadline   float64 `json:"deadline"` // in seconds since 1970
	Data       any     `json:"data"`
}

func (a *Agent) document(ctx context.Context, req *agent.Request) document {
	d := document{
		ID: req.ID, Agent: a.name, Action: req.Action, Caller: req.CallerID, Sender: req.Sender, Collective: req.Collective,
		Noop: isNoop(req), Time: req.Time.Unix(), TTL: int64(req.TTL / time.Second), Data: inputs(req),
	}
	if t, ok := ctx.Deadline(); ok {
		d.Deadline = float64(t.UnixMilli()) / 1000
	}
	return d
}

func isNoop(req *agent.Request) bool {
	v, _ := req.Input("noop")
	return v == true || v == "true"
}

// inputs are those that the caller gave. What clients add for nodes is not among
// them; a symbol wins over a string of the same name.
func inputs(req *agent.Request) map[string]any {
	m := make(map[string]any, req.Data.Len())
	for k, v := range req.Data.All() {
		name := keyText(k)
		if _, there := m[name]; there {
			if _, isSymbol := k.(value.Symbol); !isSymbol {
				continue
			}
		}
		if name != "process_results" {
			m[name] = plain(v, 0)
		}
	}
	return m
}

// encode writes the document in the form that the agent speaks.
func (a *Agent) encode(d document) ([]byte, error) {
	b, err := toJSON(d)
	if err != nil || !a.settings.yaml {
		return b, err
	}
	var m map[string]any
	dec := json.NewDecoder(strings.NewReader(string(b)))
	dec.UseNumber()
	if err := dec.Decode(&m); err != nil {
		return nil, err
	}
	return yaml.Marshal(numbers(m))
}

// numbers makes Go's numbers of JSON's, which YAML would quote.
func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		return number(string(v))
	case map[string]any:
		for k, e := range v {
			v[k] = numbers(e)
		}
	case []any:
		for i, e := range v {
			v[i] = numbers(e)
		}
	}
	return v
}

// variables are the request as environment variables.
func (a *Agent) variables(d document) []string {
	env := []string{
		"MCO_AGENT=" + d.Agent, "MCO_ACTION=" + d.Action, "MCO_REQUEST_ID=" + d.ID, "MCO_CALLER=" + d.Caller,
		"MCO_SENDER=" + d.Sender, "MCO_COLLECTIVE=" + d.Collective, "MCO_NOOP=" + strconv.FormatBool(d.Noop),
		"MCO_DEADLINE=" + strconv.FormatInt(int64(d.Deadline), 10), "MCO_CONFIG_FILE=" + a.opts.Config,
	}
	env = append(env, a.settings.env...)
	for name, v := range d.Data.(map[string]any) {
		if s, ok := scalarText(v); ok && isWord(name) && len(s) <= longestArg {
			env = append(env, "MCO_ARG_"+name+"="+s)
		}
	}
	for i, e := range env {
		if strings.Contains(e, "\x00") { // from a caller id; the kernel would refuse the whole
			env[i] = strings.ReplaceAll(e, "\x00", "")
		}
	}
	return env
}

// callScript calls a program that speaks our own protocol.
func (a *Agent) callScript(ctx context.Context, req *agent.Request, action *ddl.Action, reply *rpc.Reply) error {
	d := a.document(ctx, req)
	stdin, err := a.encode(d)
	if err != nil {
		return fmt.Errorf("agent %s cannot be told the request: %w", a.name, err)
	}
	env := a.variables(d)
	if path := a.facts.path(a); path != "" {
		env = append(env, "MCO_FACTS_FILE="+path)
	}
	var args []string
	if a.plain {
		if args, err = arguments(req); err != nil {
			return err
		}
	}
	res, err := a.runIn(ctx, run.Command{Args: args, Env: env, Stdin: stdin}, slog.LevelInfo)
	if err != nil {
		return err
	}
	answer, unreadable := readOutput(a.settings.output, a.settings.yaml, res.Stdout)
	if res.Exit != 0 || res.Signal != "" {
		if unreadable == nil {
			reply.Status = -1
			if err := fill(reply, action, answer); err == nil && reply.Status > 0 {
				return nil // it says itself what is wrong
			}
		}
		reply.Status = 0
		return a.ending(res)
	}
	if unreadable != nil {
		return rpc.Errorf(rpc.UnknownError, "agent %s did not answer: %v", a.name, unreadable)
	}
	if err := fill(reply, action, answer); err != nil {
		return rpc.Errorf(rpc.UnknownError, "agent %s did not answer: %v", a.name, err)
	}
	return nil
}

// runIn runs the program in a private folder.
func (a *Agent) runIn(ctx context.Context, c run.Command, level slog.Level) (*run.Result, error) {
	if c.Dir = a.settings.dir; c.Dir == "" {
		dir, err := a.privateDir(nil)
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		c.Dir = dir
		c.Env = append(c.Env, "TMPDIR="+dir)
	}
	return a.run(ctx, c, level)
}

// run runs the program with the agent's settings. An error is an ending that is
// not the program's own.
func (a *Agent) run(ctx context.Context, c run.Command, level slog.Level) (*run.Result, error) {
	log := &programLog{log: a.log, level: level}
	c.Stderr = log.line
	a.limit(&c)
	c.MaxStdout = a.settings.most
	began := time.Now()
	res, err := run.Run(ctx, c)
	switch {
	case err == nil:
		return res, nil
	case errors.Is(err, run.ErrOutput):
		err = fmt.Errorf("agent %s was ended: it printed more than %d bytes", a.name, a.settings.most)
	case ctx.Err() != nil && errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		err = fmt.Errorf("%s: agent %s was ended after %v", rpc.TextTimedOut, a.name, time.Since(began).Round(time.Millisecond))
	case ctx.Err() != nil:
		err = fmt.Errorf("agent %s was ended: the call was broken off", a.name)
	default:
		err = fmt.Errorf("agent %s: %w%s", a.name, err, a.startHint(err))
	}
	if res != nil {
		if text := complaint(res.Stderr); text != "" {
			err = fmt.Errorf("%w; its last words: %s", err, text)
		}
	}
	return nil, rpc.Errorf(rpc.UnknownError, "%v", err)
}

// limit gives a command what the descriptor and the node say.
func (a *Agent) limit(c *run.Command) {
	s := &a.settings
	c.Path, c.For = a.program, "agent "+a.name
	c.Args = append(append([]string(nil), s.args...), c.Args...)
	if a.runner != "" {
		c.Path, c.Args = a.runner, append([]string{a.program}, c.Args...)
	}
	c.User, c.Grace, c.Background = a.user(), s.grace, s.background
	c.Memory, c.Processes, c.Files = s.memory, s.processes, s.files
}

// startHint says what to do about a program that cannot be started.
func (a *Agent) startHint(err error) string {
	switch {
	case errors.Is(err, syscall.ENOEXEC):
		return "; a script must begin with #! and the path of its interpreter"
	case errors.Is(err, fs.ErrNotExist):
		hint := "; is the interpreter that its first line names there?"
		if name := interpreterOf(a.program); name != "" {
			hint = "; its first line names " + name + ", which is not there"
		}
		if ext := filepath.Ext(a.program); a.settings.protocol == Bolt && a.runner == "" && ext != "" {
			hint += "; plugin.bolt.interpreters in server.cfg names another one: " + ext + "=/usr/bin/..."
		}
		return hint
	case errors.Is(err, syscall.EACCES) && !errors.Is(err, run.ErrLimits):
		return "; is it executable for the user who runs it, and its file system not mounted noexec?"
	}
	return ""
}

// interpreterOf is the program that the first line of a script names, if that is not
// there.
func interpreterOf(script string) string {
	line, err := start(script)
	text, isScript := strings.CutPrefix(string(line), "#!")
	words := strings.Fields(text)
	if err != nil || !isScript || len(words) == 0 || !filepath.IsAbs(words[0]) {
		return ""
	}
	if _, err := os.Stat(words[0]); !errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	return words[0]
}

// ending is the failure of a program that ended with an exit status or a signal.
func (a *Agent) ending(res *run.Result) error {
	text := complaint(res.Stderr)
	if res.Signal != "" {
		why := "agent " + a.name + " was ended by a signal: " + res.Signal
		if text != "" {
			why += "; its last words: " + text
		}
		return rpc.Errorf(rpc.UnknownError, "%s", why)
	}
	if res.Exit >= int(rpc.Aborted) && res.Exit <= int(rpc.UnknownError) {
		if text == "" {
			text = [...]string{"", "failed", "unknown action", "missing data", "invalid data", "failed"}[res.Exit] + " (exit status " + strconv.Itoa(res.Exit) + ")"
		}
		return rpc.Errorf(rpc.Status(res.Exit), "%s", text)
	}
	why := "agent " + a.name + " ended with exit status " + strconv.Itoa(res.Exit)
	switch {
	case text != "":
		why += ": " + text
	case res.Exit == 126 || res.Exit == 127:
		why += ", which shells mean by a command that cannot be run"
	}
	return rpc.Errorf(rpc.UnknownError, "%s", why)
}

// privateDir makes a folder that only the program's user can enter, with files in
// it. The folder becomes that user's last: in a folder of his he could put links in
// the place of files that are still to be made or given away.
func (a *Agent) privateDir(files map[string][]byte) (string, error) {
	dir, err := os.MkdirTemp(a.opts.Temp, "mco-"+a.name+"-")
	if err == nil {
		err = a.furnish(dir, files)
	}
	if err != nil {
		os.RemoveAll(dir)
		return "", fmt.Errorf("agent %s has no place to run: %w", a.name, err)
	}
	return dir, nil
}

func (a *Agent) furnish(dir string, files map[string][]byte) error {
	uid, gid, err := a.owner()
	if err != nil {
		return err
	}
	for name, content := range files {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = f.Write(content)
		if err == nil && a.user() != "" {
			err = f.Chown(uid, gid)
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	if a.user() == "" {
		return nil
	}
	return os.Lchown(dir, uid, gid)
}

// owner is who the program's files belong to: the user it runs as.
func (a *Agent) owner() (uid, gid int, err error) {
	name := a.user()
	if name == "" {
		return os.Geteuid(), os.Getegid(), nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		if u, err = user.LookupId(name); err != nil {
			return 0, 0, fmt.Errorf("there is no user %q on this machine", name)
		}
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	if err1 != nil || err2 != nil {
		return 0, 0, fmt.Errorf("user %q has no numbers", name)
	}
	return uid, gid, nil
}

// arguments are the input args: a list, or a text of words, of which those with
// blanks are in quotes.
func arguments(req *agent.Request) ([]string, error) {
	v, ok := req.Input(argsInput)
	if !ok || v == nil {
		return nil, nil
	}
	switch v := plain(v, 0).(type) {
	case []any:
		args := make([]string, 0, len(v))
		for _, e := range v {
			s, ok := scalarText(e)
			if !ok {
				return nil, rpc.Errorf(rpc.InvalidData, "%s is to be a list of texts", argsInput)
			}
			args = append(args, s)
		}
		return args, nil
	case string:
		args, err := shellwords.Split(v)
		if err != nil {
			return nil, rpc.Errorf(rpc.InvalidData, "%s: %v", argsInput, err)
		}
		return args, nil
	}
	return nil, rpc.Errorf(rpc.InvalidData, "%s is to be a list of texts, or a text", argsInput)
}
