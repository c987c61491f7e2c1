package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"mcollective/bench/child"
)

// find times mco find -F as a command, from its start to its end, and counts what
// it finds.
func find(ctx context.Context, address string, n, rounds int) error {
	dir, err := os.MkdirTemp("", "bench-rpc-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	mco, cfg := filepath.Join(dir, "mco"), filepath.Join(dir, "client.cfg")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", mco, "mcollective/cmd/mco")
	build.Env, build.Stderr = append(os.Environ(), "CGO_ENABLED=0"), os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build: %w", err)
	}
	text := fmt.Sprintf("identity = client.example.net\nplugin.nats.servers = %s\nplugin.psk = %s\n", address, child.Secret)
	if err := os.WriteFile(cfg, []byte(text), 0o600); err != nil {
		return err
	}
	times, err := timed(rounds, func() error {
		cmd := exec.CommandContext(ctx, mco, "find", "-c", cfg, "-F", "hardwaremodel=x86_64")
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err == nil && bytes.Count(out, []byte("\n")) != n {
			err = fmt.Errorf("found %d of %d nodes", bytes.Count(out, []byte("\n")), n)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("mco find: %w", err)
	}
	fmt.Printf("%7d mco find -F as a command, complete: %s ms\n", n, quartiles(times))
	return nil
}
