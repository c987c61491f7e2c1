package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"mcollective/internal/run"
)

// sysv runs the scripts in /etc/init.d.
type sysv struct{ Options }

// script returns the path of a service's script. The name holds no slash.
func (s sysv) script(name string) (string, error) {
	path := filepath.Join(s.Root, "etc/init.d", name)
	fi, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !fi.Mode().IsRegular() || fi.Mode()&0o111 == 0 {
		return "", fmt.Errorf("%s is not a program", path)
	}
	return path, nil
}

// state asks the script. Its exit status means 0 running, 3 stopped, 1 and 2 dead
// with traces left, by the Linux Standard Base.
func (s sysv) state(ctx context.Context, name string) (state, error) {
	path, err := s.script(name)
	if err != nil {
		return state{status: stopped, detail: "not found", absent: true}, nil
	}
	r, err := s.Run(ctx, run.Command{Path: path, Args: []string{"status"}})
	if err != nil {
		return state{}, err
	}
	st := state{status: stopped, failed: r.Exit == 1 || r.Exit == 2, enabled: "disabled"}
	if r.Exit == 0 {
		st.status = running
	}
	st.detail = complaint(name, r).Error()
	links, err := filepath.Glob(filepath.Join(s.Root, "etc/rc[2345].d/S[0-9][0-9]"+name))
	if err == nil && len(links) > 0 {
		st.enabled = "enabled"
	}
	return st, nil
}

func (s sysv) do(ctx context.Context, verb, name string) error {
	path, err := s.script(name)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no script %s", filepath.Join(s.Root, "etc/init.d", name))
	}
	if err != nil {
		return err
	}
	if verb == "enable" || verb == "disable" {
		return s.boot(ctx, verb, name)
	}
	return s.must(ctx, run.Command{Path: path, Args: []string{verb}, Background: true})
}

// boot uses Debian's tool or else that of Red Hat.
func (s sysv) boot(ctx context.Context, verb, name string) error {
	if _, err := os.Stat(filepath.Join(s.Root, "usr/sbin/update-rc.d")); err == nil {
		// Links of a service that never had any have to be made first.
		if err := s.must(ctx, run.Command{Path: "update-rc.d", Args: []string{name, "defaults"}}); err != nil {
			return err
		}
		return s.must(ctx, run.Command{Path: "update-rc.d", Args: []string{name, verb}})
	}
	word := map[string]string{"enable": "on", "disable": "off"}[verb]
	return s.must(ctx, run.Command{Path: "chkconfig", Args: []string{name, word}})
}
