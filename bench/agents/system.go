package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"mcollective/agent"
	"mcollective/internal/agents/packages"
	"mcollective/internal/agents/process"
	"mcollective/internal/agents/service"
	"mcollective/value"
)

// tool runs a program of the system. A service that does not run is an answer.
func tool(ctx context.Context, args ...string) func() error {
	return func() error {
		_, err := exec.CommandContext(ctx, args[0], args[1:]...).Output()
		var ended *exec.ExitError
		if errors.As(err, &ended) {
			return nil
		}
		return err
	}
}

func statuses(ctx context.Context, rounds int, name, pack string) error {
	s, err := service.New(service.Options{})
	if err != nil {
		return err
	}
	ask := []string{"/etc/init.d/" + name, "status"}
	if _, err := os.Stat("/run/systemd/system"); err == nil {
		ask = []string{"systemctl", "show", "--property=ActiveState,SubState,UnitFileState", name}
	}
	if err := asked(ctx, "service", s, rounds, ask, value.Symbol("service"), name); err != nil {
		return err
	}
	p, err := packages.New(packages.Options{})
	if err != nil {
		return err
	}
	ask = []string{"dpkg-query", "-W", pack}
	if _, err := exec.LookPath(ask[0]); err != nil {
		ask = []string{"rpm", "-q", pack}
	}
	return asked(ctx, "package", p, rounds, ask, value.Symbol("package"), pack)
}

// asked compares the action status of an agent with what the system itself has.
func asked(ctx context.Context, name string, a agent.Agent, rounds int, ask []string, inputs ...any) error {
	if _, err := exec.LookPath(ask[0]); err != nil {
		fmt.Printf("%-22s skipped: %v\n", name+" status", err)
		return nil
	}
	h := agent.NewHandler(a, agent.Options{})
	return compare(name+" status", rounds, tool(ctx, ask...), func() error { return call(ctx, h, name, "status", inputs...) })
}

// crowded compares where there are many processes.
func crowded(ctx context.Context, dir string, rounds, n int) error {
	stop, err := startProcesses(n)
	defer stop()
	if err != nil {
		return err
	}
	a, err := process.New(process.Options{})
	if err != nil {
		return err
	}
	h := agent.NewHandler(a, agent.Options{})
	ask := []string{"ps", "-eo", "pid,user,vsz,stat,args"}
	if _, err := exec.LookPath(ask[0]); err != nil {
		fmt.Printf("%-22s skipped: %v\n", "process list", err)
		return nil
	}
	out, err := exec.CommandContext(ctx, ask[0], ask[1:]...).Output()
	if err != nil {
		return err
	}
	there := strings.Count(string(out), "\n") - 1
	if err := compare("list of "+strconv.Itoa(there), rounds, tool(ctx, ask...), func() error {
		return call(ctx, h, "process", "list", value.Symbol("pattern"), ".")
	}); err != nil {
		return err
	}
	return oneShot(ctx, "one-shot, sh, of "+strconv.Itoa(there), filepath.Join(dir, "sh.sh"), rounds)
}

// startProcesses starts processes that do nothing, which stop ends. They are the children
// of a child, since the processes of a machine are not those of its node.
func startProcesses(n int) (stop func(), err error) {
	stop = func() {}
	self, err := os.Executable()
	if err != nil {
		return stop, err
	}
	cmd := exec.Command(self, "child-crowd", strconv.Itoa(n))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return stop, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return stop, err
	}
	if err := cmd.Start(); err != nil {
		return stop, err
	}
	stop = func() { in.Close(); cmd.Wait() }
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		return stop, fmt.Errorf("no %d processes: %q, %w", n, line, err)
	}
	return stop, nil
}

// beCrowd is the child: it has processes until its input ends.
func beCrowd(count string) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	var all []*exec.Cmd
	defer func() {
		for _, cmd := range all {
			cmd.Process.Kill()
			cmd.Wait()
		}
	}()
	for range n {
		cmd := exec.Command("sleep", "600")
		if err := cmd.Start(); err != nil {
			return err
		}
		all = append(all, cmd)
	}
	fmt.Println("ready")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}
