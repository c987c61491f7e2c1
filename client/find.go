package client

import (
	"context"
	"time"

	"mcollective/connector"
)

// Found is what a search came to.
type Found struct {
	Nodes []string // that match, in the order they answered

	// Exact means that every node that the broker knows of has said yes or no.
	// If the broker could tell and some said nothing, they are Silent.
	Exact  bool
	Silent []string
	Asked  int // how many nodes the broker knew of; 0 if nobody can tell
	Took   time.Duration
}

// An interested connector knows who listens. That is asked of it where it saves
// waiting for those who do not.
type interested interface {
	// Interest returns the names of the connections that listen to a broadcast
	// target now, one for each subscription, in no order. An error means that
	// nobody can tell, or not all.
	Interest(ctx context.Context, to connector.Target) ([]string, error)
}

// interestPatience is how long a broker is waited for that has to tell at the end
// of a run who listens. It answers at once or not at all.
const interestPatience = 250 * time.Millisecond
