package stomp

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrClosed is returned (wrapped) by the methods of a closed Client.
var ErrClosed = errors.New("stomp: client is closed")

// ErrLost is returned (wrapped) by Flush when the connection broke before the
// broker had confirmed.
var ErrLost = errors.New("connection lost before the broker confirmed")

// A ServerError is what a broker said in an ERROR frame. Its texts hold no
// control characters.
type ServerError struct {
	Server  string // the broker as host:port
	Message string // the message header
	Detail  string // the first line of the body, "" when it holds Message

	receipt string // the receipt-id, when the error answers one frame
}

func (e *ServerError) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("broker %s: %s", e.Server, e.Message)
	}
	return fmt.Sprintf("broker %s: %s (%s)", e.Server, e.Message, e.Detail)
}

func serverError(server string, f *Frame) *ServerError {
	e := &ServerError{Server: server, Message: printable(f.Header.Get("message")), receipt: f.Header.Get("receipt-id")}
	body := strings.TrimSpace(string(f.Body[:min(len(f.Body), 400)]))
	line, _, _ := strings.Cut(body, "\n")
	if line = printable(line); !strings.Contains(line, e.Message) { // ActiveMQ puts the name of a class before it
		e.Detail = line
	}
	if e.Message == "" {
		e.Message, e.Detail = "ERROR without a message", line
	}
	return e
}

// destinationOf finds where an encoded frame was to go.
func destinationOf(frame []byte) string {
	header, _, _ := bytes.Cut(frame, []byte("\n\n"))
	for line := range bytes.Lines(header) {
		if to, ok := bytes.CutPrefix(line, []byte("destination:")); ok {
			return printable(string(to))
		}
	}
	return ""
}

// printable makes a broker's text fit for a log and a terminal.
func printable(s string) string {
	if len(s) > 200 {
		s = s[:200]
	}
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}

// A LoginError says that a broker was reached and did not let us in.
type LoginError struct {
	Server string
	Login  string
	Err    error // *ServerError, or how the connection ended
}

func (e *LoginError) Error() string {
	return fmt.Sprintf("login as %q refused, check user, password and vhost: %v", e.Login, e.Err)
}

// Unwrap returns Err.
func (e *LoginError) Unwrap() error { return e.Err }

// A DialError says that none of the servers could be used.
type DialError struct {
	Attempts []Attempt // the last one for each server, in the order of the pool
	Err      error     // why no more were made: the context's error, or nil
}

// An Attempt is one server and why it was not taken.
type Attempt struct {
	Server string // host:port
	Err    error
}

func (e *DialError) Error() string {
	var b strings.Builder
	b.WriteString("no broker could be reached:")
	for i, a := range e.Attempts {
		if i > 0 {
			b.WriteByte(';')
		}
		fmt.Fprintf(&b, " %s: %v", a.Server, a.Err)
	}
	return b.String()
}

// Unwrap returns the causes: each server's and the context's.
func (e *DialError) Unwrap() []error {
	var all []error
	for _, a := range e.Attempts {
		all = append(all, a.Err)
	}
	if e.Err != nil {
		all = append(all, e.Err)
	}
	return all
}
