package client

import "time"

// A stage is how far the request to one node has come.
type stage int8

const (
	waiting stage = iota // not asked yet
	asked                // and may still answer in time
	settled              // the outcome is known, unless a late answer changes it
	heard                // it has answered
)

// An entry is one node in a ledger.
type entry struct {
	stage   stage
	outcome Outcome
	again   bool // it has answered more than once
}

// A ledger does the accounting of one Run. Each node is in it once, and has one
// outcome at any time.
type ledger struct {
	nodes   []string
	entries map[string]*entry
	strange map[string]bool
	open    int   // nodes that are waiting or asked
	went    int   // nodes that the request has gone to
	failure error // why it did not go to some
	now     func() time.Time
	account Account
}

func newLedger(nodes []string, id string, now func() time.Time) *ledger {
	l := &ledger{
		nodes: nodes, entries: make(map[string]*entry, len(nodes)), open: len(nodes), now: now,
		account: Account{RequestID: id, Started: now()},
	}
	all := make([]entry, len(nodes))
	for i, name := range nodes {
		all[i].outcome = NotSent
		l.entries[name] = &all[i]
	}
	return l
}

// sent notes how asking some nodes went.
func (l *ledger) sent(s sending) {
	for _, name := range s.sent {
		if e := l.entries[name]; e.stage == waiting {
			e.stage, e.outcome = asked, Unknown
		}
	}
	for _, name := range s.failed {
		if e := l.entries[name]; e.stage == waiting {
			e.stage = settled
			l.open--
		}
	}
	l.went += len(s.sent)
	if s.err != nil {
		l.failure = s.err
	}
	l.account.Publish = l.now().Sub(l.account.Started)
}

// forget settles nodes that are not to answer.
func (l *ledger) forget(names []string) { l.settle(names, Unknown) }

// settle gives an outcome to those of the nodes that have none, and returns how
// many these are.
func (l *ledger) settle(names []string, o Outcome) int {
	n := 0
	for _, name := range names {
		// One that is waiting is found unreachable before the sender has reported it.
		if e := l.entries[name]; e != nil && (e.stage == waiting || e.stage == asked) {
			e.stage, e.outcome = settled, o
			l.open--
			n++
		}
	}
	return n
}

// add accounts for one answer, marks it, and tells whether its node was still
// awaited.
func (l *ledger) add(a *Answer) (awaited bool) {
	l.account.Replies++
	e := l.entries[a.Sender]
	switch {
	case e == nil:
		a.Unexpected = true
		if a.Duplicate = l.strange[a.Sender]; a.Duplicate {
			return false
		}
		if l.strange == nil {
			l.strange = make(map[string]bool)
		}
		l.strange[a.Sender] = true
		l.account.Unexpected = append(l.account.Unexpected, a.Sender)
		return false
	case e.stage == heard:
		a.Duplicate = true
		if !e.again {
			e.again = true
			l.account.Duplicates = append(l.account.Duplicates, a.Sender)
		}
		return false
	}
	// Of a node that is waiting or settled the answer is late, or faster than the
	// word that it was asked: it counts.
	if awaited = e.stage != settled; awaited {
		l.open--
	}
	e.stage, e.outcome = heard, a.Outcome
	return awaited
}

// close completes the account. Of the deaf nobody can say who did not answer.
func (l *ledger) close(in *inbox, deaf bool) *Account {
	a := &l.account
	a.Outcomes, a.Count = make(map[string]Outcome, len(l.nodes)), make(map[Outcome]int)
	for _, name := range l.nodes {
		e := l.entries[name]
		a.Outcomes[name] = e.outcome
		a.Count[e.outcome]++
		if e.stage != heard && !deaf {
			a.NoResponse = append(a.NoResponse, name)
		}
	}
	a.Undecodable, _ = in.failures()
	a.Total = l.now().Sub(a.Started)
	return a
}
