package nats

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mcollective/internal/subtest"
)

// stream is a connection on which text arrives in pieces of at most step bytes.
type stream struct {
	net.Conn
	text []byte
	step int
}

func (s *stream) Read(p []byte) (int, error) {
	if len(s.text) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), s.step)], s.text)
	s.text = s.text[n:]
	return n, nil
}

// witness writes down what the library is not told.
type witness []string

func (w *witness) refused(words string) { *w = append(*w, "refused "+words) }
func (w *witness) skipped(size int)     { *w = append(*w, fmt.Sprint("skipped ", size)) }
func (w *witness) unanswered(err error) { *w = append(*w, "unanswered "+err.Error()) }

// through reads a text through a guard that is taken already.
func through(text string, step, size int) (passed string, events []string, err error) {
	var w witness
	g := newGuard(&stream{text: []byte(text), step: step}, nil, &w)
	g.greeted.Store(true)
	out, p := []byte(nil), make([]byte, size)
	for err == nil {
		var n int
		n, err = g.Read(p)
		out = append(out, p[:n]...)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return string(out), w, err
}

func TestGuard(t *testing.T) {
	big := strings.Repeat("x", maxMessage+1)
	head := strings.Repeat("h", maxHeader+1)
	for _, test := range []struct {
		name, text, passed string
		events             []string
		err                string
	}{
		{"nothing", "", "", nil, ""},
		{"all that is passed on", "INFO {}\r\nPING\r\nPONG\r\n+OK\r\nMSG a.b 1 2\r\nhi\r\nMSG a 1 r 0\r\n\r\nHMSG a 1 2 4\r\nhhhi\r\nHMSG a 1 r 2 2\r\nhh\r\n", "=", nil, ""},
		{"line ends within a message", "MSG a 1 8\r\nM\r\nSG\r\n\n\r\nPING\r\n", "=", nil, ""},
		{"half a line", "PING\r\nMSG a 1", "PING\r\n", nil, ""},
		{"half a message", "MSG a 1 10\r\nhalf", "=", nil, ""},
		{"too large", "PING\r\nMSG a 1 8388609\r\n" + big + "\r\nPONG\r\n", "PING\r\nPONG\r\n", []string{"skipped 8388609"}, ""},
		{"header too large", "HMSG a 1 16385 16385\r\n" + head + "\r\nPONG\r\n", "PONG\r\n", []string{"skipped 16385"}, ""},
		{"refusals", "-ERR 'Permissions Violation for Subscription to \"a\"'\r\nPONG\r\n-ERR 'maximum subscriptions exceeded'\r\nPONG\r\n", "PONG\r\nPONG\r\n",
			[]string{`refused Permissions Violation for Subscription to "a"`, "refused maximum subscriptions exceeded"}, ""},
		{"the end, said", "PING\r\n-ERR 'Stale Connection'\r\nPING\r\n", "PING\r\n", nil, `the broker said "Stale Connection"`},
		{"too large for anybody", "PING\r\nMSG a 1 67108865\r\n", "PING\r\n", nil, "announced a message of 67108865 bytes"},
		{"header larger than the message", "HMSG a 1 3 2\r\n", "", nil, "not the protocol"},
		{"no number", "MSG a 1 x\r\n", "", nil, "not the protocol"},
		{"negative", "MSG a 1 -1\r\n", "", nil, "not the protocol"},
		{"overflow", "MSG a 1 9223372036854775808\r\n", "", nil, "not the protocol"},
		{"too few words", "MSG a 1\r\n", "", nil, "not the protocol"},
		{"too many words", "MSG a 1 r x 2\r\n", "", nil, "not the protocol"},
		{"blanks", "MSG a  1 2\r\n", "", nil, "not the protocol"},
		{"tabs", "MSG a\t1 2 3\r\n", "", nil, "not the protocol"},
		{"blank at the end", "MSG a 1 2 \r\n", "", nil, "not the protocol"},
		{"return within a line", "MSG a 1 2\r3\r\n", "", nil, "not the protocol"},
		{"line feed only", "PING\n", "", nil, "not the protocol"},
		{"lower case", "ping\r\n", "", nil, "not the protocol"},
		{"longer than said", "MSG a 1 1\r\nabc\r\n", "MSG a 1 1\r\n", nil, "longer than it said"},
		{"line feed after the message", "MSG a 1 1\r\na\n", "MSG a 1 1\r\n", nil, "longer than it said"},
		{"endless line", "PING\r\n" + head + head, "PING\r\n", nil, "a line of more than"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, step := range []int{1, 2, 3, 7, 4096, 1 << 20} {
				if step < 100 && len(test.text) > 1<<20 {
					step += 1000
				}
				for _, size := range []int{1, 100, readSize} {
					passed, events, err := through(test.text, step, size)
					want := test.passed
					if want == "=" {
						want = test.text
					}
					// Of a message that ends badly the guard may have passed on the beginning.
					if extra, ok := strings.CutPrefix(passed, want); !ok || len(extra) > 1 || extra != "" && test.err == "" {
						t.Errorf("steps of %d, reads of %d: passed %.200q, want %.200q", step, size, passed, want)
					}
					if !slices.Equal(events, test.events) {
						t.Errorf("steps of %d: told %q, want %q", step, events, test.events)
					}
					if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
						t.Errorf("steps of %d: got %v, want %q", step, err, test.err)
					}
				}
			}
		})
	}
}

func TestGuardBeforeTheLogin(t *testing.T) {
	for text, want := range map[string]string{
		"-ERR 'Authorization Violation'\r\n": `unanswered the broker said "Authorization Violation"`,
		"":                                   "unanswered EOF",
		"PONG\r\n":                           "",
		"220 mail\r\n":                       "unanswered what the broker sends is not the protocol of NATS",
	} {
		t.Run(subtest.Name(text), func(t *testing.T) {
			var w witness
			g := newGuard(&stream{text: []byte(text), step: 100}, []byte("INFO {}\r\n"), &w)
			io.Copy(io.Discard, struct{ io.Reader }{g})
			if got := strings.Join(w, "; "); !strings.HasPrefix(got, want) || (got == "") != (want == "") {
				t.Errorf("%q: told %q, want %q", text, got, want)
			}
		})
	}
}

// FuzzGuard compares with a reader that takes its time: what is passed on are lines
// and messages that keep the bounds, and of a stream that does, all.
func FuzzGuard(f *testing.F) {
	for _, s := range []string{
		"INFO {}\r\nPING\r\nPONG\r\n+OK\r\n", "MSG a 1 2\r\nhi\r\nHMSG a 1 r 2 4\r\nhhhi\r\n", "-ERR 'x'\r\n", "MSG a 1 99999999999\r\n",
		"-ERR 'Permissions Violation for Publish to \"a\"'\r\nPING\r\n", "MSG a 1 0\r\n\r\nM", "HMSG a 1 20000 20000\r\n", "MSG  1 2 3\r\n",
	} {
		f.Add([]byte(s), uint8(3), uint8(5))
	}
	f.Fuzz(func(t *testing.T, text []byte, step, size uint8) {
		passed, events, err := through(string(text), int(step)+1, int(size)+1)
		r := bufio.NewReader(strings.NewReader(passed))
		for {
			line, end := r.ReadString('\n')
			if end != nil {
				if line != "" {
					t.Fatalf("half a line was passed on: %q", line)
				}
				break
			}
			words := strings.Fields(line)
			switch words[0] {
			case "PING", "PONG", "+OK", "INFO":
				continue
			case "MSG", "HMSG":
			default:
				t.Fatalf("%q was passed on", line)
			}
			n, bad := strconv.Atoi(words[len(words)-1])
			if bad != nil || n < 0 || n > maxMessage {
				t.Fatalf("%q was passed on", line)
			}
			data := make([]byte, n+2)
			if m, end := io.ReadFull(r, data); end != nil {
				if m == n+2 {
					t.Fatal("no end")
				}
				break
			}
			if !bytes.HasSuffix(data, []byte("\r\n")) {
				t.Fatalf("a message that ends in %q was passed on", data[n:])
			}
		}
		if len(events) == 0 && err == nil && !strings.HasPrefix(string(text), passed) {
			t.Fatalf("%q became %q", text, passed)
		}
	})
}

// repeating is a connection on which the same arrives for ever.
type repeating struct {
	net.Conn
	text []byte
	at   int
}

func (r *repeating) Read(p []byte) (int, error) {
	n := copy(p, r.text[r.at:])
	r.at = (r.at + n) % len(r.text)
	return n, nil
}

// BenchmarkGuard is what the guard adds to each message, beside a copy of its bytes.
func BenchmarkGuard(b *testing.B) {
	for _, size := range []int{100, 500, 10_000} {
		message := fmt.Sprintf("MSG mcollective.reply.client.example.net.ABCDEFGHIJKLMNOPQRSTUVWXYZ 1 %d\r\n%s\r\n", size, strings.Repeat("x", size))
		for name, guarded := range map[string]bool{"bare": false, "guarded": true} {
			b.Run(fmt.Sprintf("%d bytes, %s", size, name), func(b *testing.B) {
				var conn net.Conn = &repeating{text: []byte(strings.Repeat(message, 100))}
				if guarded {
					var w witness
					g := newGuard(conn, nil, &w)
					g.fresh, conn = false, g
				}
				p := make([]byte, readSize)
				b.ReportAllocs()
				for left := b.N * len(message); left > 0; {
					n, err := conn.Read(p)
					if err != nil {
						b.Fatal(err)
					}
					left -= n
				}
			})
		}
	}
}
