package rpcutil

import (
	"bytes"
	"fmt"
	"runtime"
)

// mostThreads bounds what daemon_stats costs, since it stops the process to look
// at its goroutines. A node has some dozens; a process of many nodes has more.
const mostThreads = 256

// threads has a line for each goroutine: its number, what it waits for, and the
// function that it runs.
func threads() []any {
	if n := runtime.NumGoroutine(); n > mostThreads {
		return []any{fmt.Sprintf("%d goroutines", n)}
	}
	stacks := make([]byte, 256<<10)
	stacks = stacks[:runtime.Stack(stacks, true)]
	all := []any{}
	for block := range bytes.SplitSeq(stacks, []byte("\n\n")) {
		if line := thread(block); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// thread returns the line for the goroutine whose stack this is. What it runs is the
// function farthest from the top: the one that it was started with.
func thread(stack []byte) string {
	head, frames, _ := bytes.Cut(stack, []byte("\n"))
	if !bytes.HasPrefix(head, []byte("goroutine ")) {
		return ""
	}
	var function []byte
	for line := range bytes.Lines(frames) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		end := bytes.LastIndexByte(line, '(') // of the name; what follows is addresses
		if end > 0 && line[0] != '\t' && !bytes.HasPrefix(line, []byte("created by ")) {
			function = line[:end]
		}
	}
	return string(bytes.TrimSuffix(head, []byte(":"))) + " " + string(function)
}
