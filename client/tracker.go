package client

import (
	"context"
	"errors"
	"log/slog"
	"slices"
)

// A tracker finds out when everybody who listens has spoken, and nobody in the
// place of another. It counts in the entries of the ledger.
type tracker struct {
	ledger *ledger
	known  bool // the broker has told who listens
	untold bool // the broker that could tell did not
	unsure bool // the broker could not confirm that somebody is unreachable
	owed   int  // how many answers those who listen still owe
	odd    int  // names under which more was said than the nodes that have them can have said
}

// record counts an answer under a name, which says no or something else.
func (t *tracker) record(e *entry, no bool) {
	if e.spoken < e.listens {
		t.owed--
	}
	e.spoken++
	if no {
		e.declines++
	}
	t.suspect(e)
}

// suspect takes note of a name under which more was said than the nodes that have
// it can have, if that may hide one of them: who says yes twice hides nobody.
func (t *tracker) suspect(e *entry) {
	if !t.known && len(t.ledger.nodes) == 0 {
		return // nobody can tell yet
	}
	if e.declines > 0 && e.spoken > max(1, e.listens) && !e.odd {
		e.odd = true
		t.odd++
	}
}

// listen notes who listens.
func (t *tracker) listen(list listenerList) {
	if list.err != nil { // nobody can tell
		t.untold = errors.Is(list.err, context.DeadlineExceeded)
		return
	}
	t.known = true
	t.ledger.account.Listening = len(list.names)
	for _, name := range list.names {
		t.ledger.entry(name).listens++
	}
	for _, e := range t.ledger.entries {
		t.owed += int(max(0, e.listens-e.spoken))
		t.suspect(e)
	}
}

// everybody reports whether all who listen have spoken, and nobody in the place of
// another.
func (t *tracker) everybody() bool { return t.known && t.owed == 0 && t.odd == 0 }

// close completes the account, which the ledger has closed. watched says that the
// broker tells who cannot be reached, overdue that the call has taken its whole
// time.
func (t *tracker) close(watched, overdue bool) {
	a := &t.ledger.account
	named := len(t.ledger.nodes) > 0
	if named {
		a.Exact = len(a.NoResponse) == a.Count[Unreachable] && t.odd == 0 && !t.unsure
		for _, name := range a.NoResponse {
			if o := a.Outcomes[name]; watched && overdue && o != Unreachable && o != NotSent {
				a.Silent = append(a.Silent, name)
			}
		}
	} else {
		a.Exact = t.everybody()
	}
	for name, e := range t.ledger.entries {
		if e.odd {
			a.Suspicious = append(a.Suspicious, name)
		}
		if !named && overdue && e.listens > e.spoken {
			a.Silent = append(a.Silent, name)
		}
	}
	slices.Sort(a.Silent)
	slices.Sort(a.Suspicious)
}

// warn logs what casts doubt on the result. pending says that the broker still
// owes the list of listeners, complete that it was not needed.
func (t *tracker) warn(log *slog.Logger, agent string, pending, complete bool) {
	if (t.untold || pending) && !complete && !t.ledger.account.Interrupted {
		log.Warn("the broker did not tell in time who listens; the search took its whole time and may not be complete", "agent", agent)
	}
	if odd := t.ledger.account.Suspicious; len(odd) > 0 {
		log.Warn("somebody may answer in the name of others, or nodes share a name: more was said under these than the broker knows listeners", "nodes", odd)
	}
}
