package client

import "time"

// A stage is how far the request to one node has come.
type stage int8

const (
	unnamed  stage = iota // the call does not name the node
	waiting               // its turn has not come
	ordered               // to be asked now
	asked                 // and may still answer in time
	settled               // the outcome is known, unless a late answer changes it
	declined              // it has said no, and nothing else
	answered              // it has answered
)

// An entry is one node in a ledger. All nodes of one name are one.
type entry struct {
	stage    stage
	repeated bool // it has answered more than once
	unasked  bool // it has answered though others were asked
	odd      bool // see tracker
	outcome  Outcome

	// Of an exact call, how often: answers of any kind, those that said no, and the
	// subscriptions of this name.
	spoken, declines, listens int32
}

// A ledger does the accounting of one question. Each node that is named is in it
// once, and has one outcome at any time.
type ledger struct {
	nodes   []string
	entries map[string]*entry // of the nodes, of everybody who has spoken, and of everybody who is known to listen
	spare   []entry
	open    int   // nodes that are waiting, ordered or asked
	went    int   // nodes that the request has gone to
	heard   int   // nodes that have answered and are welcome
	failure error // why the request did not go to some
	account Account
}

// newLedger begins to account for the question of this id.
func newLedger(nodes []string, id string) *ledger {
	l := &ledger{
		nodes: nodes, entries: make(map[string]*entry, len(nodes)), spare: make([]entry, len(nodes)), open: len(nodes),
		account: Account{RequestID: id, Started: time.Now()},
	}
	for _, name := range nodes {
		e := l.entry(name)
		e.stage, e.outcome = waiting, NotSent
	}
	return l
}

// entry returns the entry of a name, which is made if there is none.
func (l *ledger) entry(name string) *entry {
	e := l.entries[name]
	if e == nil {
		if len(l.spare) == 0 {
			l.spare = make([]entry, min(8+len(l.entries), 256))
		}
		e, l.spare = &l.spare[0], l.spare[1:]
		l.entries[name] = e
	}
	return e
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
	l.account.Publish = time.Since(l.account.Started)
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

// add accounts for an answer of the node of an entry, marks it, and reports whether
// the node was still awaited.
func (l *ledger) add(e *entry, a *Answer) (awaited bool) {
	l.account.Replies++
	switch {
	case e.stage == answered:
		a.Duplicate = true
		if !e.repeated {
			e.repeated = true
			l.account.Duplicates = append(l.account.Duplicates, a.Sender)
		}
		return false
	case e.stage == waiting, e.stage == unnamed && len(l.nodes) > 0: // nodes that were not asked have no answer of their own
		a.Unexpected, a.Duplicate = true, e.unasked
		if !e.unasked {
			e.unasked = true
			l.account.Unexpected = append(l.account.Unexpected, a.Sender)
		}
		return false
	case e.stage == declined: // by another of its name, or somebody spoke in its place
		l.account.Declined--
	case e.stage == ordered, e.stage == asked:
		awaited = true
		l.open--
	}
	// Of a node that is settled the answer is late, of one that is ordered faster than
	// the word that it was asked: it counts.
	e.stage, e.outcome = answered, a.Outcome
	l.heard++
	return awaited
}

// decline accounts for a no of the node of an entry, and reports whether the node
// was still awaited. A no is the last word of a node that was asked by name; but of
// two nodes with one name the other may match.
func (l *ledger) decline(e *entry) (awaited bool) {
	switch {
	case e.stage == ordered, e.stage == asked:
		awaited = true
		l.open--
	case e.stage == settled, e.stage == unnamed && len(l.nodes) == 0:
	default:
		return false
	}
	e.stage, e.outcome = declined, Declined
	l.account.Declined++
	return awaited
}

// close completes the account. Where no answers come, nobody can say who gave none.
func (l *ledger) close(expectsReplies bool) *Account {
	a := &l.account
	a.Outcomes, a.Count = make(map[string]Outcome, len(l.nodes)), make(map[Outcome]int)
	for _, name := range l.nodes {
		e := l.entries[name]
		a.Outcomes[name] = e.outcome
		a.Count[e.outcome]++
		if e.stage < declined && expectsReplies {
			a.NoResponse = append(a.NoResponse, name)
		}
	}
	a.Total = time.Since(a.Started)
	return a
}
