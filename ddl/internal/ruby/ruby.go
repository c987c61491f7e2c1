// Package ruby evaluates the part of Ruby that plugin definitions are written in.
//
// It is an interpreter of plain values: literals, local variables and constants,
// conditions, blocks over lists, local methods, and the few methods of strings,
// integers, arrays and hashes that published definitions use. What is called without a receiver goes to a
// [Host], which is where a language of definitions lives. There is nothing else:
// no constant of a program, no file, process, clock or random number can be
// reached, and what is not part of the language ends the evaluation with an
// [Error] that names it and its line. Source, nesting, steps and built values are
// bounded by the constants below, so that the text may come from anybody.
package ruby

import (
	"fmt"
	"sort"
)

// Bounds of one evaluation.
const (
	MaxSource = 1 << 20  // bytes of source
	MaxNest   = 1000     // rules of the grammar inside each other: some 100 constructs
	MaxDepth  = 1500     // evaluations inside each other
	MaxSteps  = 1 << 20  // evaluated constructs and visited elements
	MaxBuilt  = 16 << 20 // bytes of all strings, arrays and hashes made
)

// An Error is why a text was not evaluated: it is not of the language, exceeds a
// bound, or the host refused something.
type Error struct {
	File string
	Line int
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err) }

// Unwrap returns what the host said, if it was the host.
func (e *Error) Unwrap() error { return e.Err }

// A Host gives meaning to calls without a receiver.
type Host interface {
	// Call answers a call. known is false for a name that the host does not have.
	Call(c *Call) (v any, known bool, err error)
	// Has reports whether the name can be called; it answers respond_to?.
	Has(name string) bool
}

// A Call is one call without a receiver.
type Call struct {
	Name string
	Args []any // values; see [Value]
	Line int

	block *block
	ev    *evaluator
}

// HasBlock reports whether the call has a block.
func (c *Call) HasBlock() bool { return c.block != nil }

// Yield runs the block of the call, if it has one. An error in it ends the
// evaluation without returning here.
func (c *Call) Yield() {
	if c.block != nil {
		c.block.call(c.ev)
	}
}

// Eval evaluates a text. file is for error messages only. The error is an *[Error].
func Eval(file string, src []byte, host Host) (err error) {
	line := 1
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *Error:
			r.File, err = file, r
		default:
			panic(r)
		}
	}()
	if len(src) > MaxSource {
		fail(line, "the file has %d bytes, more than the %d that a definition may have", len(src), MaxSource)
	}
	body := parse(string(src))
	ev := &evaluator{file: file, host: host, line: 1, methods: map[string]*defNode{}, constants: map[string]any{}}
	ev.eval(body, &scope{})
	return nil
}

// fail ends the evaluation; Eval catches it.
func fail(line int, format string, args ...any) {
	panic(&Error{Line: line, Err: fmt.Errorf(format, args...)})
}

// unsupported ends the evaluation at a construct that the language does not have.
func unsupported(line int, what string) {
	fail(line, "%s is not part of the DDL language: definitions are read, never executed, and may use plain values only", what)
}

// lines finds the line of a position.
type lines []int

func newLines(src string) lines {
	l := lines{0}
	for i := 0; i < len(src); i++ {
		if src[i] == '\n' {
			l = append(l, i+1)
		}
	}
	return l
}

func (l lines) of(pos int) int { return sort.SearchInts(l, pos+1) }
