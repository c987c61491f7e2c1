package operation_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"mcollective/client"
	"mcollective/connector"
	"mcollective/ddl"
	"mcollective/filter"
	"mcollective/internal/config"
	"mcollective/internal/fleettest"
	"mcollective/internal/operation"
	"mcollective/internal/session"
	"mcollective/message"
	"mcollective/rpc"
	"mcollective/security"
	"mcollective/value"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A script is the user of an operation: it notes what happens, and declines if it is
// to.
type script struct {
	heard    []string
	question operation.Question
	declines error
}

func (s *script) Searching(m operation.Method)  { s.heard = append(s.heard, "searching by "+m.Name) }
func (s *script) Searched(nodes int, err error) { s.heard = append(s.heard, "searched") }
func (s *script) Silent(nodes []string) {
	s.heard = append(s.heard, "silent "+strings.Join(nodes, " "))
}
func (s *script) AwaitingNames()      { s.heard = append(s.heard, "awaiting names") }
func (s *script) Warn(message string) { s.heard = append(s.heard, "warned") }
func (s *script) Confirm(q operation.Question) error {
	s.question = q
	return s.declines
}

// answers is a node that matches every search, and whose actions succeed.
func answers(req *message.Request, answer func(any)) {
	if req.Agent == "discovery" {
		answer("pong")
		return
	}
	answer((&rpc.Reply{Data: value.NewMap()}).Body())
}

var restart = &ddl.Definition{Kind: ddl.Agent, Metadata: rpc.Metadata{Agent: "svc", Name: "svc", Timeout: 5 * time.Second},
	Actions: []*ddl.Action{{Name: "restart", Destructive: true}}}

// defined is a machine that knows the agent svc.
func defined(agent string) (*ddl.Definition, error) {
	if agent != "svc" {
		return nil, ddl.ErrUnknown
	}
	return restart, nil
}

// configuration is that of a client that says nothing.
func configuration(t *testing.T) *config.Config {
	cfg, err := config.Load("", config.Client)
	if err != nil {
		t.Fatal(err)
	}
	cfg.LoggerType = "console"
	return cfg
}

// connection is a session with a fleet, and counts in opened how often it connects.
func connection(t *testing.T, f *fleettest.Fleet, opened *int) *session.Session {
	s := session.New(session.Options{
		Config: configuration(t), Console: io.Discard,
		Connect: func(ctx context.Context, _ *config.Config, _ *slog.Logger) (connector.Connector, error) {
			*opened++
			return f.Connect(ctx, "me")
		},
		Security: func(*config.Config) (security.Client, []string, error) { return f.Security, nil, nil },
	})
	t.Cleanup(s.Close)
	return s
}

// begin is an operation on a fleet.
func begin(t *testing.T, f *fleettest.Fleet, s *script, o operation.Options) *operation.Operation {
	return operation.New(operation.Environment{Session: connection(t, f, new(int)), Dialog: s, Definition: defined}, o)
}

// Operations of several goroutines share a session, which connects once and stays until
// who made it closes it. Each has a dialog of its own, and hears of itself only.
func TestOperationsShareASession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fleettest.New(t, fleettest.Options{})
		f.Node("n1", answers)
		f.Node("n2", answers)
		f.Node("n3", answers)
		opened := 0
		s := connection(t, f, &opened)
		two := filter.Filter{Identities: []filter.Pattern{{Text: "n1"}, {Text: "n2"}}}
		type result struct {
			script   script
			answered []string
			report   *operation.Report
			err      error
		}
		declined := errors.New("declined")
		users := []*result{{}, {}, {script: script{declines: declined}}}
		options := []operation.Options{{}, {Filter: two}, {}}
		var all sync.WaitGroup
		for i, u := range users {
			all.Go(func() {
				op := operation.New(operation.Environment{Session: s, Dialog: &u.script, Definition: defined}, options[i])
				u.report, u.err = op.Do(t.Context(), job(&u.answered))
			})
		}
		all.Wait()
		for i, want := range [][]string{{"n1", "n2", "n3"}, {"n1", "n2"}, nil} {
			u := users[i]
			slices.Sort(u.answered)
			if !slices.Equal(u.answered, want) || !errors.Is(u.err, u.script.declines) {
				t.Errorf("operation %d: answers of %v, error %v; want %v", i, u.answered, u.err, want)
			}
			heard := []string{"searching by mc", "searched"}
			if i == 1 {
				heard = nil // its nodes are named
			}
			if !slices.Equal(u.script.heard, heard) {
				t.Errorf("operation %d heard %q", i, u.script.heard)
			}
			if i < 2 && (u.report == nil || u.report.Account == nil || u.report.Account.Count[client.OK] != len(want)) {
				t.Errorf("operation %d: report %+v", i, u.report)
			}
		}
		if opened != 1 {
			t.Errorf("%d connections for three operations", opened)
		}

		s.Close()
		var answered []string
		op := operation.New(operation.Environment{Session: s, Dialog: &script{}, Definition: defined}, operation.Options{})
		if _, err := op.Do(t.Context(), job(&answered)); err == nil || len(answered) > 0 || opened != 1 {
			t.Errorf("over a session that is closed: %v, error %v, %d connections", answered, err, opened)
		}
	})
}

// A session that could not connect tries again, and nobody waits for its turn longer
// than he wants to.
func TestSessionConnectsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fleettest.New(t, fleettest.Options{})
		tries := 0
		s := session.New(session.Options{
			Config: configuration(t), Console: io.Discard, ConnectionTimeout: time.Minute,
			Connect: func(ctx context.Context, _ *config.Config, _ *slog.Logger) (connector.Connector, error) {
				if tries++; tries == 1 {
					<-ctx.Done()
					return nil, ctx.Err()
				}
				return f.Connect(ctx, "me")
			},
			Security: func(*config.Config) (security.Client, []string, error) { return f.Security, nil, nil },
		})
		defer s.Close()
		var all sync.WaitGroup
		all.Go(func() {
			if err := s.Connect(t.Context()); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "could not connect to the broker") {
				t.Errorf("the broker that is not there: %v", err)
			}
		})
		synctest.Wait()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Connect(short); !errors.Is(err, context.DeadlineExceeded) || tries != 1 {
			t.Errorf("meanwhile: %v after %d tries", err, tries)
		}
		all.Wait()
		if err := s.Connect(t.Context()); err != nil || s.Client() == nil {
			t.Errorf("the second try: %v", err)
		}
	})
}

// job restarts svc and notes who answered.
func job(answered *[]string) operation.Job {
	return operation.Job{
		Agent: "svc", Action: "restart",
		Inputs: func(*ddl.Contract) (*value.Map, error) { return value.NewMap(), nil },
		Each:   func(a client.Answer) { *answered = append(*answered, a.Sender) },
	}
}

func requests(f *fleettest.Fleet, agent string) int {
	n := 0
	for _, r := range f.Received() {
		if r.Request.Agent == agent {
			n++
		}
	}
	return n
}

func TestDo(t *testing.T) {
	declined := errors.New("declined")
	for _, tc := range []struct {
		name     string
		declines error
		limit    client.Limit
		asked    int // nodes of the question; 0 is no question
		answered int
	}{
		{name: "agreed", asked: 2, answered: 2},
		{name: "declined", declines: declined, asked: 2},
		{name: "one node is not asked about", declines: declined, limit: client.Limit{Count: 1}, answered: 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := fleettest.New(t, fleettest.Options{})
				f.Node("n1", answers)
				f.Node("n2", answers)
				s := &script{declines: tc.declines}
				op := begin(t, f, s, operation.Options{Limit: tc.limit})
				var answered []string
				report, err := op.Do(t.Context(), job(&answered))
				if refused := tc.declines != nil && tc.asked > 0; refused != errors.Is(err, declined) || !refused && err != nil {
					t.Fatalf("error %v", err)
				}
				if len(s.question.Nodes) != tc.asked || len(answered) != tc.answered || requests(f, "svc") > 0 != (tc.answered > 0) {
					t.Errorf("asked about %v, answered %v, %d requests", s.question.Nodes, answered, requests(f, "svc"))
				}
				if err == nil && (report.Account.Count[client.OK] != tc.answered || len(report.Targets.Nodes) != tc.answered) {
					t.Errorf("report %+v of %+v", report.Account, report.Targets)
				}
				if want := []string{"searching by mc", "searched"}; !slices.Equal(s.heard, want) {
					t.Errorf("heard %q", s.heard)
				}
			})
		})
	}
}

// Nodes that were looked for in vain are a report, and nothing is sent.
func TestDoFindsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fleettest.New(t, fleettest.Options{})
		op := begin(t, f, &script{}, operation.Options{})
		var answered []string
		report, err := op.Do(t.Context(), job(&answered))
		if err != nil || report.Account != nil || len(report.Targets.Nodes) > 0 {
			t.Errorf("%+v, %v", report, err)
		}
	})
}

// Who breaks a search off has asked nobody to act.
func TestInterruptedSearchActsOnNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fleettest.New(t, fleettest.Options{Blind: true})
		f.Node("n1", answers)
		op := begin(t, f, &script{}, operation.Options{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var answered []string
		if _, err := op.Do(ctx, job(&answered)); !errors.Is(err, operation.ErrInterrupted) || requests(f, "svc") > 0 {
			t.Errorf("error %v, %d requests", err, requests(f, "svc"))
		}
	})
}

// A request that nobody looks for targets of counts as one for many.
func TestSendToAllAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fleettest.New(t, fleettest.Options{})
		f.Node("n1", answers)
		s := &script{declines: errors.New("declined")}
		op := begin(t, f, s, operation.Options{Filter: filter.Filter{Classes: []filter.Pattern{{Text: "web"}}}})
		var answered []string
		if _, err := op.Send(t.Context(), job(&answered), operation.Delivery{}); !errors.Is(err, s.declines) || !s.question.All || len(f.Received()) > 0 {
			t.Errorf("error %v, question %+v, received %v", err, s.question, f.Received())
		}
	})
}
