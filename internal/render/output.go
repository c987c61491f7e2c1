package render

import (
	"bufio"
	"io"
)

// An output is a buffered stream that remembers its first error.
type output struct {
	w      *bufio.Writer
	err    error
	before func() // called before anything is written out; may be nil
}

func newOutput(w io.Writer) *output {
	o := &output{}
	o.w = bufio.NewWriterSize(direct{o, w}, 32<<10)
	return o
}

// direct is the stream beneath the buffer.
type direct struct {
	o *output
	w io.Writer
}

func (d direct) Write(p []byte) (int, error) {
	if d.o.before != nil {
		d.o.before()
	}
	return d.w.Write(p)
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	o.keep(err)
	return n, err
}

func (o *output) WriteString(s string) (int, error) {
	n, err := o.w.WriteString(s)
	o.keep(err)
	return n, err
}

func (o *output) flush() error {
	o.keep(o.w.Flush())
	return o.err
}

func (o *output) keep(err error) {
	if o.err == nil {
		o.err = err
	}
}

// The escape sequences of Ruby's colours.
const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	bold   = "\x1b[1m"
	reset  = "\x1b[0m"
)

// paint puts text into a colour, if colours are wanted.
func (o *Options) paint(color, text string) string {
	if !o.Color {
		return text
	}
	return color + text + reset
}
