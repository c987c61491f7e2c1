package server

// stackRoom is what the way of an ordinary request needs of a stack, in bytes,
// rounded up to the next size that stacks have.
const stackRoom = 8 << 10

// growStack gives its goroutine at once the stack that a request will need. A new
// goroutine has 2 KiB, and the runtime doubles that each time they are used up: it
// copies and walks a stack that is full of frames, which took a seventh of the
// processor time of a call. Here there is nothing yet to copy. (Goroutines that
// wait with a grown stack would cost an idle node memory, and lose it at the next
// collection of garbage.)
//
//go:noinline
func growStack(i int) byte {
	var room [stackRoom]byte
	return room[i&(stackRoom-1)]
}
