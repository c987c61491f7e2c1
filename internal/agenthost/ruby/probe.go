package ruby

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"mcollective/internal/run"
)

// probe asks plugins whether they can work here: whether their files can be
// loaded, and their activate_when says so. One that takes the process with it is
// the only one that suffers.
func (l *Loader) probe(ctx context.Context, plugins []*candidate) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	for _, c := range plugins {
		c.why = errors.New("it was not asked in time whether it can work here")
	}
	for len(plugins) > 0 && ctx.Err() == nil {
		answered, err := l.probeOnce(ctx, plugins)
		plugins = plugins[answered:]
		if err == nil || len(plugins) == 0 {
			return
		}
		plugins[0].why, plugins[0].asked = err, true
		plugins = plugins[1:]
	}
}

// probeOnce asks in one process, and returns how many have answered. The error is
// that of the first that has not.
func (l *Loader) probeOnce(ctx context.Context, plugins []*candidate) (answered int, err error) {
	fail := func(err error) (int, error) {
		for _, c := range plugins {
			c.why = err
		}
		return len(plugins), err
	}
	ruby, err := l.interpreter()
	if err != nil {
		return fail(err)
	}
	args, env, err := l.command(probing, probing, plugins)
	if err != nil {
		return fail(err)
	}
	res, err := run.Run(ctx, run.Command{
		Path: ruby, Args: args, Env: append(env, "MCO_CONFIG_FILE="+l.opts.ConfigFile), User: l.opts.User,
		Stderr: func(line string) { l.opts.Log.Debug("a Ruby plugin says while it is loaded", "text", line) },
	})
	begun := -1
	if res != nil {
		begun, answered = l.answers(plugins, res.Stdout)
	}
	if answered == len(plugins) {
		return answered, nil
	}
	if err == nil {
		err = fmt.Errorf("the process of Ruby ended while it was loaded, with exit status %d", res.Exit)
		if res.Signal != "" {
			err = fmt.Errorf("the process of Ruby was ended by a signal while it was loaded: %s", res.Signal)
		}
	} else {
		err = fmt.Errorf("it cannot be loaded: %w", err)
	}
	if res != nil && len(bytes.TrimSpace(res.Stderr)) > 0 {
		err = fmt.Errorf("%w; stderr: %s", err, lastLines(res.Stderr))
	}
	if begun < 0 {
		return fail(err) // Ruby itself does not work
	}
	return answered, err
}

// answers reads what the process said: which plugins have answered, which come in
// the order in which they were asked, and the last that was begun with.
func (l *Loader) answers(plugins []*candidate, stdout []byte) (begun, answered int) {
	begun = -1
	for line := range bytes.Lines(stdout) {
		var m struct {
			Begin, End []string
			Why        *string
			Type, Text string
			Level      string
		}
		if json.Unmarshal(line, &m) != nil || answered == len(plugins) {
			continue
		}
		switch {
		case m.Type == "log":
			l.opts.Log.Debug("a Ruby plugin says while it is loaded", "level", m.Level, "text", m.Text)
		case m.Begin != nil:
			begun = answered
		case m.End != nil:
			plugins[answered].why, plugins[answered].asked = nil, true
			if m.Why != nil {
				plugins[answered].why = errors.New(*m.Why)
			}
			answered++
		}
	}
	return begun, answered
}

func lastLines(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], "; ")
}
