package puppet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"mcollective/internal/plainfile"
	"mcollective/internal/run"
)

// wanted are the settings that say where Puppet keeps what the agent reads and writes, and where its
// configuration is.
var wanted = []string{
	"agent_catalog_run_lockfile", "agent_disabled_lockfile", "config", "lastrunfile", "lastrunreport", "pidfile", "resourcefile", "statedir",
}

// decisive are the options of the configured command that move these files.
var decisive = append([]string{"confdir", "publicdir", "rundir", "vardir"}, wanted...)

const (
	askTime   = 30 * time.Second // Puppet needs one or two for an answer, and more on a busy machine
	trueFor   = time.Hour        // an answer, if neither the program nor its configuration changes before
	failedFor = time.Minute      // until Puppet is asked again that could not be
	mostConf  = 1 << 20
)

// The answers of Puppet in this process. The agent and its data plugins have the same questions.
var answers = struct {
	sync.Mutex
	to  map[string]*answer
	log *slog.Logger
}{to: map[string]*answer{}, log: slog.New(slog.DiscardHandler)}

// An answer is what Puppet said, or why it could not be asked.
type answer struct {
	ready chan struct{} // closed once the rest is set
	stop  context.CancelFunc
	at    time.Time
	seen  string // how the program and its configuration looked when it was asked
	files map[string]string
	err   error
}

// settings returns where Puppet keeps its files. The Puppet that is configured is asked, and its answer is kept.
// ctx bounds the wait, not the question: the next to ask finds the answer.
func (o Options) settings(ctx context.Context) (map[string]string, error) {
	a := o.ask()
	select {
	case <-a.ready:
		return a.files, a.err
	case <-ctx.Done():
		return nil, fmt.Errorf("where Puppet keeps its state is not known yet: %s does not answer so soon; try again in a few seconds", strings.Join(o.question()[:1], " "))
	}
}

// ask returns the answer that is there or comes.
func (o Options) ask() *answer {
	question, key := o.question(), o.key()
	answers.Lock()
	defer answers.Unlock()
	if a := answers.to[key]; a != nil && o.holds(a) {
		return a
	}
	ctx, stop := context.WithCancel(context.Background())
	a, log := &answer{ready: make(chan struct{}), stop: stop}, answers.log
	answers.to[key] = a
	go func() {
		defer close(a.ready)
		defer stop()
		a.files, a.err = o.answer(ctx, question, log)
		a.at, a.seen = o.Now(), o.looks(a.files)
	}()
	return a
}

// forget breaks off a question that is being asked, and waits for its end. Anyone who asks next asks anew.
func (o Options) forget() {
	answers.Lock()
	a := answers.to[o.key()]
	delete(answers.to, o.key())
	answers.Unlock()
	if a != nil {
		a.stop()
		<-a.ready
	}
}

func (o Options) key() string { return o.Root + "\x00" + strings.Join(o.question(), "\x00") }

// holds reports whether an answer is still good, or still to come.
func (o Options) holds(a *answer) bool {
	select {
	case <-a.ready:
	default:
		return true
	}
	age := o.Now().Sub(a.at)
	if age < 0 || age > trueFor || a.err != nil && age > failedFor {
		return false
	}
	return a.seen == o.looks(a.files)
}

// looks describes the program and the configuration, so that a change of them shows.
func (o Options) looks(files map[string]string) string {
	program, _ := run.Look(o.question()[0])
	var b strings.Builder
	for _, path := range []string{program, o.Config, files["config"]} {
		if fi, err := os.Stat(path); err == nil {
			fmt.Fprintln(&b, path, fi.Size(), fi.ModTime().UnixNano())
		}
	}
	return b.String()
}

// parts returns how Puppet is started, which stands before "agent" in the configured command, and the options of a
// run, which stand after it. A wrapper that has no such word starts Puppet in a way of its own; then that of the
// system is meant.
func (o Options) parts() (start, rest []string) {
	if i := slices.Index(o.Command, "agent"); i > 0 {
		return slices.Clone(o.Command[:i]), o.Command[i+1:]
	}
	return []string{"puppet"}, nil
}

// trusted judges the programs and scripts that the setting plugin.puppet.command names by their paths. Anyone who may
// write to one of them would act as the node.
func (o Options) trusted() error {
	start, _ := o.parts()
	if start[0] != o.Command[0] {
		start = o.Command[:1]
	}
	for i, word := range start {
		if i > 0 {
			if fi, err := os.Stat(word); !filepath.IsAbs(word) || err != nil || !fi.Mode().IsRegular() {
				continue
			}
		}
		if err := run.Untrusted(word); err != nil {
			return fmt.Errorf("plugin.puppet.command: %w", err)
		}
	}
	return nil
}

// launch runs a program of Puppet, if it can be trusted now.
func (o Options) launch(ctx context.Context, c run.Command) (*run.Result, error) {
	if err := o.trusted(); err != nil {
		return nil, err
	}
	return o.Run(ctx, c)
}

// withConfig adds the configuration file of the settings to the words of a command of Puppet, which would take
// that of its installation.
func (o Options) withConfig(words []string) []string {
	if o.Config == "" || slices.ContainsFunc(o.Command, func(w string) bool { return w == "--config" || strings.HasPrefix(w, "--config=") }) {
		return words
	}
	return append(words, "--config", o.Config)
}

// question returns the command that makes Puppet say where its files are. Options of a run may move them.
func (o Options) question() []string {
	start, rest := o.parts()
	q := append(start, "config", "print", "--color=false", "--section", "agent")
	for i, word := range rest {
		name, isOption := strings.CutPrefix(word, "--")
		name, _, whole := strings.Cut(name, "=")
		switch {
		case !isOption || !slices.Contains(decisive, name):
		case whole:
			q = append(q, word)
		case i+1 < len(rest):
			q = append(q, word, rest[i+1])
		}
	}
	return append(o.withConfig(q), wanted...)
}

// answer asks Puppet. Where that fails, and the node's configuration says nothing about Puppet, the places of
// the one installation on this machine are taken.
func (o Options) answer(ctx context.Context, question []string, log *slog.Logger) (map[string]string, error) {
	files, err := o.print(ctx, question)
	if err == nil {
		return files, nil
	}
	err = fmt.Errorf("cannot ask Puppet where it keeps its state: %w; check plugin.puppet.command and plugin.puppet.config, and try: %s", err, strings.Join(question, " "))
	if ctx.Err() != nil { // the node ends
		return nil, err
	}
	if o.Config != "" || !slices.Equal(o.Command, defaultCommand) || o.vendor() == o.system() {
		log.Warn("puppet cannot be asked for its settings", "error", err)
		return nil, err
	}
	files, guessErr := o.guess()
	if guessErr != nil {
		return nil, errors.Join(err, guessErr)
	}
	log.Warn("puppet cannot be asked for its settings; those of its installation are taken", "statedir", files["statedir"], "error", err)
	return files, nil
}

func (o Options) print(ctx context.Context, question []string) (map[string]string, error) {
	if o.Config != "" {
		if _, err := plainfile.Read(o.Config, mostConf); err != nil { // Puppet takes its defaults then, without a word
			return nil, err
		}
	}
	if !slices.Contains(o.Command, "agent") && o.vendor() && o.system() {
		return nil, fmt.Errorf("two of them are installed, and %s does not show which it runs: write it as PROGRAM agent", o.Command[0])
	}
	r, err := o.launch(ctx, run.Command{Path: question[0], Args: question[1:], Timeout: askTime, MaxStdout: 64 << 10, MaxStderr: 16 << 10, For: "agent puppet"})
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(r.Stderr)) {
		// An unreadable configuration is no failure to Puppet: it takes its defaults.
		if strings.HasPrefix(line, "Error:") {
			return nil, fmt.Errorf("%s", printable(line))
		}
	}
	if r.Exit != 0 {
		return nil, fmt.Errorf("exit code %d: %s", r.Exit, printable(string(r.Stderr)))
	}
	files, err := parse(r.Stdout)
	for name, path := range files {
		files[name] = filepath.Join(o.Root, path)
	}
	return files, err
}

// printable returns the end of what a program said, on one line.
func printable(text string) string {
	text = strings.TrimSpace(text)
	if len(text) > 300 {
		text = text[len(text)-300:]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// parse reads the lines "name = path", of which there is one for each wanted setting. Puppet may have said
// something besides, but nothing else.
func parse(out []byte) (map[string]string, error) {
	files := make(map[string]string, len(wanted))
	for line := range bytes.Lines(out) {
		text := strings.TrimRight(string(line), "\r\n")
		if text == "" || slices.ContainsFunc([]string{"Notice: ", "Info: ", "Debug: ", "Warning: "}, func(s string) bool { return strings.HasPrefix(text, s) }) {
			continue
		}
		name, path, ok := strings.Cut(text, " = ")
		switch _, twice := files[name]; {
		case !ok || !slices.Contains(wanted, name):
			return nil, fmt.Errorf("it printed %q, which is no setting that it was asked for", printable(text))
		case twice:
			return nil, fmt.Errorf("it gave two values of %s", name)
		case !filepath.IsAbs(path) || printable(path) != path || len(path) > 4096:
			return nil, fmt.Errorf("it gave %q for %s, which is no absolute path", printable(path), name)
		}
		files[name] = filepath.Clean(path)
	}
	for _, name := range wanted {
		if files[name] == "" {
			return nil, fmt.Errorf("it did not say what %s is", name)
		}
	}
	return files, nil
}

// vendor reports whether there are traces of a Puppet of Puppet's own packages on this machine.
func (o Options) vendor() bool {
	return o.there("opt/puppetlabs/puppet") || o.there("etc/puppetlabs/puppet")
}

// system reports whether there are traces of a Puppet of the system's packages on this machine.
func (o Options) system() bool {
	return o.there("etc/puppet") || o.there("var/lib/puppet") || o.there("var/cache/puppet")
}

func (o Options) there(name string) bool { return exists(filepath.Join(o.Root, name)) }

// guess takes what puppet.conf says, or else the defaults of how Puppet was installed.
func (o Options) guess() (map[string]string, error) {
	s := map[string]string{
		"statedir": "$vardir/state", "lastrunreport": "$statedir/last_run_report.yaml", "resourcefile": "$statedir/resources.txt",
		"agent_disabled_lockfile": "$statedir/agent_disabled.lock", "agent_catalog_run_lockfile": "$statedir/agent_catalog_run.lock",
		"pidfile": "$rundir/agent.pid", "lastrunfile": "$publicdir/last_run_summary.yaml", "config": "$confdir/puppet.conf",
	}
	if o.vendor() {
		s["vardir"], s["rundir"], s["publicdir"] = "/opt/puppetlabs/puppet/cache", "/var/run/puppetlabs", "/opt/puppetlabs/puppet/public"
		s["confdir"] = "/etc/puppetlabs/puppet"
	} else {
		s["vardir"], s["rundir"], s["publicdir"], s["confdir"] = "/var/lib/puppet", "/var/run/puppet", "$vardir/public", "/etc/puppet"
		if o.there("var/cache/puppet") && !o.there("var/lib/puppet/state") {
			s["vardir"] = "/var/cache/puppet"
		}
	}
	if err := read(filepath.Join(o.Root, s["confdir"], "puppet.conf"), s); err != nil {
		return nil, err
	}
	files := make(map[string]string, len(s))
	for name, text := range s {
		files[name] = filepath.Join(o.Root, expand(s, text, 0))
	}
	// Before Puppet 7 the summary was with the rest of the state.
	if !exists(files["lastrunfile"]) {
		if old := filepath.Join(files["statedir"], "last_run_summary.yaml"); exists(old) {
			files["lastrunfile"] = old
		}
	}
	return files, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// read takes settings that are known from [main] and [agent], of which the latter
// counts.
func read(file string, s map[string]string) error {
	data, err := plainfile.Text(file, mostConf)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot read puppet.conf: %w", err)
	}
	section, fromAgent := "main", map[string]bool{}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[]")
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		name = strings.TrimSpace(name)
		if _, known := s[name]; !ok || !known || strings.HasPrefix(line, "#") || section != "main" && section != "agent" || section == "main" && fromAgent[name] {
			continue
		}
		value, _, _ = strings.Cut(value, " {") // owner and mode
		s[name] = strings.TrimSpace(value)
		fromAgent[name] = section == "agent"
	}
	return nil
}

// expand puts other settings in the place of $name and ${name}.
func expand(s map[string]string, text string, depth int) string {
	if depth > 8 {
		return text
	}
	return os.Expand(text, func(name string) string { return expand(s, s[name], depth+1) })
}
