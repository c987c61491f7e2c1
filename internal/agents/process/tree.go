package process

import (
	"context"
	"fmt"
	"strings"

	"mcollective/agent"
	"mcollective/rpc"
)

// tree shows who started whom, one process a line, children under their parent.
func (a *Agent) tree(_ context.Context, req *agent.Request, reply *rpc.Reply) error {
	want, err := newFilter(req)
	if err != nil {
		return err
	}
	all, err := a.table.all()
	if err != nil {
		return err
	}
	f := newForest(all)
	roots := f.children[0]
	if pid, ok := req.Int("pid"); ok {
		i, found := byPID(all, int(pid))
		if !found {
			return rpc.Errorf(rpc.Aborted, "there is no process %d", pid)
		}
		roots = []int{i}
	}
	var text strings.Builder
	shown := 0
	for _, root := range roots {
		shown += f.print(&text, root, 0, &want)
	}
	reply.Set("tree", text.String())
	reply.Set("count", int64(shown))
	return nil
}

// A forest is processes by their parents.
type forest struct {
	all      []proc
	children map[int][]int // of a process's number; those of 0 have no parent here
	names    users
}

func newForest(all []proc) *forest {
	f := &forest{all: all, children: map[int][]int{}, names: users{}}
	for i, p := range all {
		parent := p.ppid
		if _, ok := byPID(all, parent); !ok {
			parent = 0
		}
		f.children[parent] = append(f.children[parent], i)
	}
	return f
}

// maxDepth is where a tree is cut, so that a chain of processes that each start
// another does not become a text of its length squared.
const maxDepth = 100

// print writes a process and those below it if any of them is wanted, and returns
// how many lines that were. All below a wanted one are wanted.
func (f *forest) print(to *strings.Builder, i, depth int, want *filter) int {
	if depth > maxDepth {
		return 0
	}
	p := &f.all[i]
	if want.match(p) {
		want = &filter{}
	}
	var below strings.Builder
	lines := 0
	for _, child := range f.children[p.pid] {
		if child != i {
			lines += f.print(&below, child, depth+1, want)
		}
	}
	if lines == 0 && !want.match(p) {
		return 0
	}
	fmt.Fprintf(to, "%s%d %s %s\n", strings.Repeat("  ", depth), p.pid, f.names.name(p.uid), shown(p.cmdline, 200))
	to.WriteString(below.String())
	return lines + 1
}
