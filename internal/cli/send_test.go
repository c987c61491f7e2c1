package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"mcollective/connector"
	"mcollective/internal/config"
	"mcollective/internal/subtest"
)

// TestSendAsks: anyone who awaits no answers is asked all the same.
func TestSendAsks(t *testing.T) {
	call := []string{"rpc", "process", "signal", "pattern=x", "signal=TERM"}
	for _, tc := range []struct {
		words  string
		answer string // on a terminal; "" for none
		code   int
		said   string
	}{
		{"--no-results", "", 1, "process signal changes things on all nodes that match the filter"},
		{"--reply-to mcollective.reply.x", "", 1, "no terminal to ask"},
		{"--no-results -C web", "", 1, "no terminal to ask"},
		{"--no-results -I n1 -I n2", "", 1, "changes things on 2 nodes"},
		{"--no-results", "n\n", 1, "Nothing was sent."},
		{"--no-results", "y\n", 0, "Go on?"},
		{"--no-results --yes", "", 0, ""},
		{"--no-results -I n1", "", 0, ""},
	} {
		t.Run(subtest.Name(tc.words, tc.answer), func(t *testing.T) {
			f := newFleet(t, "n1", "n2")
			r := f.mco("")
			r.env.InTerminal, r.env.ErrTerminal, r.env.In = tc.answer != "", tc.answer != "", bytes.NewBufferString(tc.answer)
			r.exits(t, tc.code, append(call, strings.Fields(tc.words)...)...)
			if !strings.Contains(r.err.String(), tc.said) || strings.Contains(r.out.String(), "Request sent") != (tc.code == 0) {
				t.Errorf("%s: stdout %q, stderr %q", tc.words, &r.out, &r.err)
			}
			if tc.code != 0 && len(f.sent()) > 0 {
				t.Errorf("%s: sent %v", tc.words, f.sent())
			}
		})
	}
}

// A clogged connection takes nothing, and the user gives up.
type clogged struct {
	connector.Connector
	giveUp func()
}

func (c clogged) Publish(ctx context.Context, _ connector.Target, _ connector.Message) error {
	c.giveUp()
	<-ctx.Done()
	return ctx.Err()
}

// strict takes no address for replies.
type strict struct{ connector.Connector }

func (strict) CheckReply(address string) error { return fmt.Errorf("%s is a node", address) }

// TestReplyToIsChecked: the broker's rules hold before anybody is asked or looked for.
func TestReplyToIsChecked(t *testing.T) {
	for _, words := range []string{"", "-1", "-I n1", "--yes"} {
		f := newFleet(t, "n1", "n2")
		r := f.mco("")
		connect := r.env.Connect
		r.env.Connect = func(ctx context.Context, cfg *config.Config, log *slog.Logger) (connector.Connector, error) {
			conn, err := connect(ctx, cfg, log)
			return strict{conn}, err
		}
		r.exits(t, 1, append([]string{"rpc", "rpcutil", "ping", "--reply-to", "mcollective.node.n2"}, strings.Fields(words)...)...)
		if want := "invalid argument: --reply-to mcollective.node.n2: the address for replies: mcollective.node.n2 is a node"; !strings.Contains(r.err.String(), want) {
			t.Errorf("%q: stderr %q", words, &r.err)
		}
		if len(f.sent()) > 0 {
			t.Errorf("%q: sent %v", words, f.sent())
		}
	}
}

func TestSendInterrupted(t *testing.T) {
	for _, words := range []string{"", "-I n1 -I n2"} {
		f := newFleet(t, "n1", "n2")
		r := f.mco("")
		var giveUp context.CancelFunc
		r.env.Interruptible = func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, giveUp = context.WithCancel(ctx)
			return ctx, giveUp
		}
		connect := r.env.Connect
		r.env.Connect = func(ctx context.Context, cfg *config.Config, log *slog.Logger) (connector.Connector, error) {
			conn, err := connect(ctx, cfg, log)
			return clogged{conn, giveUp}, err
		}
		r.exits(t, 1, append([]string{"rpc", "rpcutil", "ping", "--no-results"}, strings.Fields(words)...)...)
		if r.out.Len() > 0 || !strings.Contains(r.err.String(), "interrupted before anything was sent") || len(f.sent()) > 0 {
			t.Errorf("%q: stdout %q, stderr %q, sent %v", words, &r.out, &r.err, f.sent())
		}
	}
}
