package nats

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// What a broker may send. The library believes each length that it reads, and
// keeps a line that does not end until memory does.
const (
	// maxMessage is the largest message that is passed on, header and data: the
	// largest that nats-server takes without a warning, and our broker at all.
	maxMessage = 8 << 20

	// maxClaim is the largest message that may exist at all, and is skipped.
	maxClaim = 64 << 20

	// maxHeader is the largest header that is passed on: as a map it takes many
	// times its size.
	maxHeader = 16 << 10

	// maxLine bounds a line of the protocol, the line that says what the broker is
	// included. nats-server takes lines of 4 KiB, and what it sends is not much longer.
	maxLine = 16 << 10

	// readSize is the size of one read, and above maxLine.
	readSize = 32 << 10
)

// A guard is the connection to a broker as the library reads it. It follows the
// protocol, passes on whole lines that keep the bounds above, and takes for itself
// what the broker says of errors: the library would give up for ever after some,
// and keeps all others in a queue without end.
type guard struct {
	net.Conn
	owner events

	held    []byte      // the beginning of a line, or what was read before there was a guard
	fresh   bool        // held was not looked at
	left    int         // bytes of a message that are still to come, its line end included
	skip    bool        // they are not passed on
	buf     []byte      // for a reader that asks for less than readSize
	out     []byte      // read into buf and not passed on yet
	err     error       // ends the connection once all before it is passed on
	greeted atomic.Bool // the broker took us, or its owner knows why not
	denied  error       // what it said instead, before the library reads and writes at the same time
}

// events is who is told of what the library is not.
type events interface {
	// refused is called with what the broker says when it refuses a subscription or
	// a message, before anything that it said later is passed on.
	refused(words string)
	// skipped is called with the size of a message that is too large to be read.
	skipped(size int)
	// unanswered is called once if the connection ends before the broker took us.
	unanswered(err error)
}

// newGuard continues a connection of which some was read already.
func newGuard(conn net.Conn, read []byte, owner events) *guard {
	return &guard{Conn: conn, owner: owner, held: read, fresh: true}
}

// Read implements net.Conn.
func (g *guard) Read(p []byte) (int, error) {
	if len(g.out) == 0 {
		if len(p) >= readSize {
			return g.fill(p)
		}
		if g.buf == nil {
			g.buf = make([]byte, readSize)
		}
		n, err := g.fill(g.buf)
		if err != nil {
			return 0, err
		}
		g.out = g.buf[:n]
	}
	n := copy(p, g.out)
	g.out = g.out[n:]
	return n, nil
}

// Write implements net.Conn. A broker that takes no more connections says so and hangs
// up, perhaps before the login is written: then the library would give up without
// reading why.
func (g *guard) Write(p []byte) (int, error) {
	n, err := g.Conn.Write(p)
	if err != nil && g.denied != nil {
		return n, g.denied
	}
	if err != nil && g.greeted.CompareAndSwap(false, true) {
		// Nobody reads at the same time: the library does one after the other until the
		// broker took us.
		if said := g.lastWords(); said != nil {
			err = said
		}
		g.owner.unanswered(err)
	}
	return n, err
}

// lastWords returns the error that the broker sent before it hung up, or nil.
func (g *guard) lastWords() error {
	text := append(slices.Clone(g.out), g.held...)
	if g.Conn.SetReadDeadline(time.Now().Add(lastWordsTimeout)) == nil {
		rest, _ := io.ReadAll(io.LimitReader(g.Conn, maxLine))
		text = append(text, rest...)
	}
	for line := range bytes.Lines(text) {
		if said := refusal(line); said != nil {
			return said
		}
	}
	return nil
}

// lastWordsTimeout is for a broker that stopped reading and does not hang up.
const lastWordsTimeout = 200 * time.Millisecond

// fill reads until there is something to pass on.
func (g *guard) fill(p []byte) (int, error) {
	for g.err == nil {
		n := copy(p, g.held)
		if !g.fresh {
			var m int
			m, g.err = g.Conn.Read(p[n:])
			if n += m; m == 0 {
				continue
			}
		}
		g.held, g.fresh = g.held[:0], false
		passed, err := g.scan(p[:n])
		if err != nil {
			g.err = err
		}
		if passed > 0 {
			return passed, nil
		}
	}
	if g.greeted.CompareAndSwap(false, true) {
		g.owner.unanswered(g.err)
	}
	return 0, g.err
}

// scan moves what may be passed on to the beginning of p and returns its length.
// What is left of a line at the end is held back.
func (g *guard) scan(p []byte) (passed int, err error) {
	for r := 0; r < len(p); {
		if g.left > 0 {
			n := min(g.left, len(p)-r)
			if g.left -= n; g.left < 2 && !lineEnd(p[r:r+n], g.left) {
				return passed, errors.New("the broker sent a message longer than it said")
			}
			if !g.skip {
				passed += move(p, passed, r, n)
			}
			r += n
			continue
		}
		end := bytes.IndexByte(p[r:min(len(p), r+maxLine)], '\n')
		if end < 0 {
			if len(p)-r >= maxLine {
				return passed, fmt.Errorf("the broker sent a line of more than %d bytes", maxLine)
			}
			g.held = append(g.held, p[r:]...)
			return passed, nil
		}
		n := end + 1
		pass, err := g.line(p[r : r+n])
		if err != nil {
			return passed, err
		}
		if pass {
			passed += move(p, passed, r, n)
		}
		r += n
	}
	return passed, nil
}

// move shifts n bytes of p to an earlier place.
func move(p []byte, to, from, n int) int {
	if to != from {
		copy(p[to:], p[from:from+n])
	}
	return n
}

// lineEnd reports whether a part of a message, after which left bytes are missing,
// ends as the line end that closes the message begins.
func lineEnd(part []byte, left int) bool {
	last := len(part) - 1
	if left == 1 {
		return part[last] == '\r'
	}
	return part[last] == '\n' && (last == 0 || part[last-1] == '\r')
}

var (
	pingLine = []byte("PING\r\n")
	pongLine = []byte("PONG\r\n")
	okLine   = []byte("+OK\r\n")
)

// line looks at one line, its end included, and reports whether it is passed on.
func (g *guard) line(line []byte) (pass bool, err error) {
	text, ok := bytes.CutSuffix(line, []byte("\r\n"))
	if !ok || bytes.IndexByte(text, '\r') >= 0 {
		return false, notNATS(line)
	}
	switch {
	case bytes.HasPrefix(text, []byte("MSG ")):
		return g.message(text[len("MSG "):], false)
	case bytes.HasPrefix(text, []byte("HMSG ")):
		return g.message(text[len("HMSG "):], true)
	case bytes.Equal(line, pongLine):
		g.greeted.Store(true)
		return true, nil
	case bytes.Equal(line, pingLine), bytes.Equal(line, okLine), bytes.HasPrefix(text, []byte("INFO {")):
		return true, nil
	case bytes.HasPrefix(text, []byte("-ERR ")):
		return g.complaint(string(bytes.Trim(text[len("-ERR "):], "' ")))
	}
	return false, notNATS(line)
}

func notNATS(line []byte) error {
	return fmt.Errorf("what the broker sends is not the protocol of NATS: %.40q", line)
}

// message looks at the line before a message: subject, subscription, where to
// answer, unless nowhere, size of the header, if there is one, and of the whole.
func (g *guard) message(text []byte, header bool) (pass bool, err error) {
	words, fields := len(text), 0
	var numbers [2]int
	for rest := text; len(rest) > 0; fields++ {
		word := rest
		if i := bytes.IndexByte(rest, ' '); i >= 0 {
			word, rest = rest[:i], rest[i+1:]
		} else {
			rest = nil
		}
		if len(word) == 0 || bytes.IndexByte(word, '\t') >= 0 {
			return false, notNATS(text)
		}
		numbers[0], numbers[1] = numbers[1], number(word)
	}
	least, head := 3, 0
	if header {
		least, head = 4, numbers[0]
	}
	size := numbers[1]
	if words > 0 && text[words-1] == ' ' || fields < least || fields > least+1 || size < 0 || head < 0 || head > size {
		return false, notNATS(text)
	}
	if size > maxClaim {
		return false, fmt.Errorf("the broker announced a message of %d bytes, and %d is the most there can be", size, maxClaim)
	}
	g.left = size + len("\r\n")
	if g.skip = size > maxMessage || head > maxHeader; g.skip {
		g.owner.skipped(size)
	}
	return !g.skip, nil
}

// number reads a decimal number of up to 18 digits, or returns -1.
func number(word []byte) int {
	if len(word) == 0 || len(word) > 18 {
		return -1
	}
	n := 0
	for _, b := range word {
		if b < '0' || b > '9' {
			return -1
		}
		n = n*10 + int(b-'0')
	}
	return n
}

// What a broker says that refuses one thing and goes on.
const (
	permissions = "Permissions Violation for "
	tooMany     = "maximum subscriptions exceeded"
)

// complaint takes an error that the broker speaks of. Before it took us that is an
// answer that the library understands.
func (g *guard) complaint(words string) (pass bool, err error) {
	switch {
	case g.greeted.CompareAndSwap(false, true):
		g.denied = &denial{words}
		g.owner.unanswered(g.denied)
		return true, nil
	case strings.HasPrefix(words, permissions), words == tooMany:
		g.owner.refused(words)
		return false, nil
	}
	return false, &denial{words}
}

// A denial is why the broker does not go on with a connection, in its own words.
type denial struct{ words string }

// Error implements error.
func (d *denial) Error() string { return fmt.Sprintf("the broker said %.200q", d.words) }
