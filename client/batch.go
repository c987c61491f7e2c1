package client

import (
	"context"
	"time"
)

// startSending has a goroutine send what is ordered, in the order of the orders,
// and report to the channel that it returns. It ends when orders is closed.
func (e *engine) startSending(ctx context.Context) <-chan sending {
	e.orders = make(chan []string, len(e.Nodes))
	results := make(chan sending)
	e.background.Go(func() {
		defer close(results)
		for names := range e.orders {
			e.send(ctx, names, func(s sending) { results <- s })
		}
	})
	return results
}

// free notes that n nodes less work on the request.
func (e *engine) free(n int) {
	if e.batch <= 0 || e.next == len(e.Nodes) {
		return
	}
	at := time.Now().Add(e.batchSleep)
	for range n {
		e.slots = append(e.slots, at)
	}
}

// refill orders the next nodes for the places that are free.
func (e *engine) refill(now time.Time) {
	free := 0
	for free < len(e.slots) && !e.slots[free].After(now) {
		free++
	}
	e.slots = e.slots[free:]
	if free = min(free, len(e.Nodes)-e.next); free > 0 {
		names := e.Nodes[e.next : e.next+free]
		e.ledger.order(names)
		e.orders <- names
		e.next += free
	}
}
