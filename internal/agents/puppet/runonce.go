package puppet

import (
	"context"
	"fmt"
	"math"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"mcollective/agent"
	"mcollective/internal/run"
	"mcollective/rpc"
)

// runOnce has Puppet run once: it wakes the daemon up, or else starts a run that
// goes on when the request was answered.
func (a *Agent) runOnce(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	fail := func(format string, args ...any) error {
		text := fmt.Sprintf(format, args...)
		reply.Set("summary", text)
		return rpc.Errorf(rpc.Aborted, "%s", text)
	}
	n, err := a.opts.node(ctx)
	if err != nil {
		return fail("Cannot run Puppet: %v", err)
	}
	if n.disabled() {
		if why := n.why(); why != "" {
			return fail("Puppet is disabled: '%s'", why)
		}
		return fail("Puppet is disabled")
	}
	if _, given := req.String("server"); given && !a.opts.AllowServer {
		return fail("Passing 'server' option is not allowed in module configuration")
	}
	if n.applying != 0 {
		return fail("Puppet is currently applying a catalog, cannot run now")
	}
	signal := n.daemon != 0 && !a.opts.NoSignal
	args, err := a.arguments(req, !signal)
	if err != nil {
		return err
	}
	reply.Set("initiated_at", n.now.Unix())
	if signal {
		if len(args) > 0 {
			return fail("Cannot specify any custom puppet options when the daemon is running")
		}
		if err := a.opts.Kill(n.daemon); err != nil {
			return fail("Failed to signal the puppet agent at pid %d: %v", n.daemon, err)
		}
		reply.Set("summary", "Signalled the running Puppet Daemon")
		return nil
	}
	return a.start(ctx, args, reply, fail)
}

// arguments returns those of the program that the request asks for. ours says that
// the run is one of its own, which may wait for its time.
func (a *Agent) arguments(req *agent.Request, ours bool) ([]string, error) {
	var args []string
	flag := func(input, name string) {
		if value, given := req.Bool(input); given {
			args = append(args, map[bool]string{true: "--", false: "--no-"}[value]+name)
		}
	}
	if tags, given := req.String("tags"); given {
		var all []string
		for tag := range strings.SplitSeq(tags, ",") {
			tag = strings.TrimSpace(tag)
			for part := range strings.SplitSeq(tag, "::") {
				if !isName(part) {
					return nil, rpc.Errorf(rpc.InvalidData, "Invalid tag '%s' specified", tag)
				}
			}
			all = append(all, tag)
		}
		args = append(args, "--tags", strings.Join(all, ","))
	}
	if limit, given := req.Float("splaylimit"); given && (limit != math.Trunc(limit) || limit < 0 || limit > a.opts.Limit.Seconds()) {
		return nil, rpc.Errorf(rpc.InvalidData, "Invalid splaylimit %v specified: it is whole seconds, and a run is ended after %d", limit, int64(a.opts.Limit.Seconds()))
	}
	if ours {
		args = append(args, a.splay(req)...)
	}
	flag("noop", "noop")
	if environment, given := req.String("environment"); given {
		if !isName(environment) {
			return nil, rpc.Errorf(rpc.InvalidData, "Invalid environment '%s' specified", environment)
		}
		args = append(args, "--environment", environment)
	}
	if server, given := req.String("server"); given {
		host, port, err := address(server)
		if err != nil {
			return nil, err
		}
		args = append(args, "--server", host)
		if port != "" {
			args = append(args, "--masterport", port)
		}
	}
	if ignore, _ := req.Bool("ignoreschedules"); ignore {
		args = append(args, "--ignoreschedules")
	}
	flag("use_cached_catalog", "use_cached_catalog")
	return args, nil
}

// splay is for how long a run waits before it begins, so that not all nodes ask
// the server at once.
func (a *Agent) splay(req *agent.Request) []string {
	if force, _ := req.Bool("force"); force {
		return []string{"--no-splay"}
	}
	splay, given := req.Bool("splay")
	if !given {
		splay = !a.opts.NoSplay
	}
	limit, limited := req.Float("splaylimit")
	if !limited {
		limit = float64(a.opts.SplayLimit)
	}
	args := []string{"--no-splay"}
	if splay {
		args = []string{"--splay"}
	}
	if splay || limited {
		args = append(args, "--splaylimit", strconv.FormatInt(int64(limit), 10))
	}
	return args
}

func isName(s string) bool {
	if len(s) == 1 && (s[0] < 'A' || s[0] > 'Z' && s[0] < 'a' || s[0] > 'z') {
		return false
	}
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_'
	})
}

// address takes "host", "host:port", "[::1]:port" or "::1".
func address(server string) (host, port string, err error) {
	host = server
	if _, err := netip.ParseAddr(server); err != nil && strings.Contains(server, ":") {
		if host, port, err = net.SplitHostPort(server); err != nil {
			return "", "", rpc.Errorf(rpc.InvalidData, "The hostname '%s' is not a valid hostname", server)
		}
	}
	host = strings.Trim(host, "[]")
	if _, err := netip.ParseAddr(host); err != nil && (host == "" || host[0] == '-' || strings.ContainsFunc(host, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '.'
	})) {
		return "", "", rpc.Errorf(rpc.InvalidData, "The hostname '%s' is not a valid hostname", host)
	}
	if port != "" {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return "", "", rpc.Errorf(rpc.InvalidData, "The port '%s' is not a valid puppet master port", port)
		}
	}
	return host, port, nil
}

// settling is how long a run has to fail before the caller is told that it was
// started.
const settling = time.Second

// start starts a run. What it starts itself, like services, stays when it ends.
func (a *Agent) start(ctx context.Context, args []string, reply *rpc.Reply, fail func(string, ...any) error) error {
	a.mu.Lock()
	busy := a.running
	a.running = true
	a.mu.Unlock()
	if busy {
		return fail("Puppet is currently applying a catalog, cannot run now")
	}
	words := append(append([]string{}, a.opts.Command...), "--onetime", "--no-daemonize", "--color=false", "--show_diff", "--verbose")
	words = append(a.opts.withConfig(words), args...)
	line := strings.Join(words, " ")
	type outcome struct {
		*run.Result
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		// The lines of a run go to its report; here they only must not stop it.
		r, err := a.opts.launch(context.WithoutCancel(ctx), run.Command{
			Path: words[0], Args: words[1:], Timeout: a.opts.Limit, MaxStdout: 64 << 20, Background: true, Protected: true, For: "agent puppet",
		})
		a.mu.Lock()
		a.running = false
		a.mu.Unlock()
		done <- outcome{r, err}
	}()
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	over := make(chan struct{})
	go func() { // the parameter Wait is a function, and a channel is needed
		defer close(over)
		_ = a.opts.Wait(waiting, settling)
	}()
	select {
	case o := <-done:
		cancel()
		<-over
		if o.err != nil {
			return fail("Puppet command '%s' did not start: %v", line, o.err)
		}
		if o.Exit != 0 && o.Exit != 2 { // 2 is a run that changed something
			return fail("Puppet command '%s' had exit code %d, expected 0", line, o.Exit)
		}
	case <-over:
	}
	reply.Set("summary", fmt.Sprintf("Started a Puppet run using the '%s' command", line))
	return nil
}
