package service

import (
	"bytes"
	"context"
	"strings"

	"mcollective/internal/run"
)

// openrc asks rc-service and rc-update.
type openrc struct{ Options }

func (o openrc) state(ctx context.Context, name string) (state, error) {
	r, err := o.Run(ctx, run.Command{Path: "rc-service", Args: []string{"--nocolor", name, "status"}})
	if err != nil {
		return state{}, err
	}
	st := state{status: stopped}
	switch word := statusWord(r); {
	case word != "":
		st.detail = word
		st.failed = word == "crashed"
		if word == "started" {
			st.status = running
		}
	case bytes.Contains(r.Stderr, []byte("does not exist")):
		st.detail, st.absent = "not found", true
		return st, nil
	case r.Exit == 0: // a script with a status of its own
		st.status = running
	default:
		st.detail = complaint("rc-service", r).Error()
	}
	st.enabled, err = o.enabled(ctx, name)
	return st, err
}

// statusWord finds " * status: started".
func statusWord(r *run.Result) string {
	for _, text := range [][]byte{r.Stdout, r.Stderr} {
		for line := range bytes.Lines(text) {
			if _, word, ok := bytes.Cut(line, []byte("status: ")); ok {
				return string(bytes.TrimSpace(word))
			}
		}
	}
	return ""
}

// enabled reads lines like "  nginx | default".
func (o openrc) enabled(ctx context.Context, name string) (string, error) {
	r, err := o.Run(ctx, run.Command{Path: "rc-update", Args: []string{"--nocolor", "show"}})
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(r.Stdout)) {
		service, levels, _ := strings.Cut(line, "|")
		if strings.TrimSpace(service) == name && strings.TrimSpace(levels) != "" {
			return "enabled", nil
		}
	}
	return "disabled", nil
}

func (o openrc) do(ctx context.Context, verb, name string) error {
	switch verb {
	case "enable":
		return o.must(ctx, run.Command{Path: "rc-update", Args: []string{"--nocolor", "add", name, "default"}})
	case "disable":
		return o.must(ctx, run.Command{Path: "rc-update", Args: []string{"--nocolor", "--all", "del", name}})
	}
	return o.must(ctx, run.Command{Path: "rc-service", Args: []string{"--nocolor", name, verb}, Background: true})
}
