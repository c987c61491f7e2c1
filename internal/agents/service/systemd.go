package service

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"mcollective/internal/run"
	"mcollective/rpc"
)

// systemd asks systemctl.
type systemd struct{ Options }

func (s systemd) state(ctx context.Context, name string) (state, error) {
	if err := checkUnit(name); err != nil {
		return state{}, err
	}
	c := run.Command{Path: "systemctl", Args: []string{"show", "--no-pager", "--property=LoadState,ActiveState,SubState,UnitFileState,Result", "--", name}}
	r, err := s.Run(ctx, c)
	if err != nil {
		return state{}, err
	}
	if r.Exit != 0 {
		return state{}, complaint("systemctl", r)
	}
	vars := map[string]string{}
	for line := range strings.Lines(string(r.Stdout)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			vars[name] = value
		}
	}
	active := vars["ActiveState"]
	st := state{status: stopped, enabled: vars["UnitFileState"], detail: active, failed: active == "failed"}
	if active == "active" || active == "reloading" || active == "refreshing" {
		st.status = running
	}
	if sub := vars["SubState"]; sub != "" && sub != active {
		st.detail += " (" + sub + ")"
	}
	if result := vars["Result"]; st.failed && result != "" {
		st.detail += " (" + result + ")"
	}
	if load := vars["LoadState"]; load != "loaded" && load != "" {
		st.detail, st.absent = load, load == "not-found"
	}
	return st, nil
}

// checkUnit refuses units that are no services: starting reboot.target is not
// what this agent is for.
func checkUnit(name string) error {
	switch kind := filepath.Ext(name); kind {
	case ".target", ".slice", ".scope", ".device", ".mount", ".automount", ".swap":
		return rpc.Errorf(rpc.InvalidData, "%s is not a service: it is a unit of kind %s", name, kind[1:])
	}
	return nil
}

func (s systemd) do(ctx context.Context, verb, name string) error {
	if err := checkUnit(name); err != nil {
		return err
	}
	args := []string{"--no-ask-password", "--quiet", verb}
	if s.own(name) && (verb == "restart" || verb == "stop") {
		// systemctl would wait until this process is gone, and nobody would answer.
		args = append(args, "--no-block")
	}
	return s.must(ctx, run.Command{Path: "systemctl", Args: append(args, "--", name)})
}

// own reports whether this process is part of a service.
func (s systemd) own(name string) bool {
	text, err := os.ReadFile(filepath.Join(s.Root, "proc/self/cgroup"))
	if err != nil {
		return false
	}
	if !strings.HasSuffix(name, ".service") {
		name += ".service"
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(strings.TrimSpace(line)+"/", "/"+name+"/") {
			return true
		}
	}
	return false
}
