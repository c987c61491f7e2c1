package process

import (
	"cmp"
	"context"
	"slices"
	"time"

	"mcollective/agent"
	"mcollective/rpc"
	"mcollective/value"
)

const (
	defaultCount    = 10
	defaultInterval = time.Second
	maxInterval     = 5 * time.Second
	maxCount        = 1000
)

// top lists the processes that take most. For memory one look is enough; the
// processor's time is what a process used between two looks, and not what it
// used in the months since it started.
func (a *Agent) top(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	count, interval := defaultCount, defaultInterval
	if n, ok := req.Int("count"); ok {
		if n < 1 || n > maxCount {
			return rpc.Errorf(rpc.InvalidData, "count is a number from 1 to %d, and not %d", maxCount, n)
		}
		count = int(n)
	}
	if s, ok := req.Float("interval"); ok {
		if !(s >= 0.01 && s <= maxInterval.Seconds()) { // which NaN is not
			return rpc.Errorf(rpc.InvalidData, "interval is from 0.01 to %v seconds, and not %v", maxInterval.Seconds(), s)
		}
		interval = time.Duration(s * float64(time.Second))
	}
	all, err := a.table.all()
	if err != nil {
		return err
	}
	by, _ := req.String("by")
	if by == "memory" {
		slices.SortStableFunc(all, func(p, q proc) int { return cmp.Compare(q.rss, p.rss) })
		return a.answer(reply, all[:min(count, len(all))])
	}
	begin := a.opts.Now()
	if err := a.opts.Wait(ctx, interval); err != nil {
		return err
	}
	before := all
	if all, err = a.table.all(); err != nil {
		return err
	}
	took := a.opts.Now().Sub(begin).Seconds()
	used := usage(before, all)
	slices.SortStableFunc(all, func(p, q proc) int { return cmp.Compare(used[q.pid], used[p.pid]) })
	all = all[:min(count, len(all))]
	if err := a.answer(reply, all); err != nil {
		return err
	}
	list, _ := reply.Output("pslist")
	for i, h := range list.([]any) {
		h.(*value.Map).Set(value.Symbol("pctcpu"), percent(float64(used[all[i].pid])/ticks, took))
	}
	return nil
}

// usage returns how many ticks each process used between two looks. One that was not
// there at the first, or another one under the same number, used all of its ticks
// since then.
func usage(before, after []proc) map[int]uint64 {
	used := make(map[int]uint64, len(after))
	for i := range after {
		p := &after[i]
		n := p.utime + p.stime
		if j, ok := byPID(before, p.pid); ok && before[j].start == p.start {
			n -= min(n, before[j].utime+before[j].stime)
		}
		used[p.pid] = n
	}
	return used
}
