package client

import "time"

// A stage is how far the request to one node has come.
type stage int8

const (
	waiting stage = iota // its turn has not come
	ordered              // to be asked now
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
	open    int   // nodes that are waiting, ordered or asked
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

// order notes that it is the turn of these nodes.
func (l *ledger) order(names []string) {
	for _, name := range names {
		l.entries[name].stage = ordered
	}
}

// sent notes how asking some nodes went, and returns how many of them are not
// awaited for that.
func (l *ledger) sent(s sending) (failed int) {
	for _, name := range s.sent {
		if e := l.entries[name]; e.stage == ordered {
			e.stage, e.outcome = asked, Unknown
		}
	}
	for _, name := range s.failed {
		if e := l.entries[name]; e.stage == ordered {
			e.stage = settled
			l.open--
			failed++
		}
	}
	l.went += len(s.sent)
	l.account.Sent = l.account.Sent || len(s.sent) > 0
	if s.err != nil {
		l.failure = s.err
	}
	l.account.Publish = l.now().Sub(l.account.Started)
	return failed
}

// settle gives an outcome to those of the nodes that are awaited, and returns how
// many these are.
func (l *ledger) settle(names []string, o Outcome) int {
	n := 0
	for _, name := range names {
		// One that is ordered is found unreachable before the sender has reported it.
		if e := l.entries[name]; e != nil && (e.stage == ordered || e.stage == asked) {
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
	case e == nil || e.stage == waiting: // who was not asked has no answer of its own
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
	// Of a node that is settled the answer is late, of one that is ordered faster than
	// the word that it was asked: it counts.
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
