package server

// stackRoom is what the way of an ordinary request needs of a stack, in bytes; the
// sizes that stacks have are the powers of two.
const stackRoom = 4 << 10

// growStack gives its goroutine at once the stack that a request will need. A new
// goroutine has 2 KiB, and the runtime doubles that each time they are used up: it
// copies and walks a stack that is full of frames. Here there is nothing yet to
// copy. In bench/rpc, 1,000 nodes, a broadcast costs the nodes 72 µs of processor
// time an answer with it and 93 µs without (medians of three runs). Goroutines that
// wait with a grown stack would cost an idle node memory, and lose it at the next
// collection of garbage.
//
// The stack is checked for all that a function may use when it is entered. Called
// with a negative number this one uses, and clears, nothing of it.
//
//go:noinline
func growStack(i int) byte {
	if i < 0 {
		return 0
	}
	var room [stackRoom]byte
	return room[i%stackRoom]
}
