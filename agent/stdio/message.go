package stdio

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"mcollective/value"
)

// Version of the protocol of workers, which their hello names.
const Version = 1

// The types of messages that a worker writes.
const (
	Hello    = "hello" // its first
	Reply    = "reply"
	Pong     = "pong"
	Log      = "log"
	Progress = "progress"
	Event    = "event"
)

// yamlEnd ends a message in YAML. One in JSON is a line.
const yamlEnd = "..."

// EndMessage adds to an encoded message what marks its end.
func EndMessage(b []byte, form Form) []byte {
	if form == YAML {
		return append(b, yamlEnd+"\n"...)
	}
	return b
}

// CancelMessage tells a worker that nobody waits for its reply to a request.
func CancelMessage(id string, form Form) []byte {
	b, _ := ToJSON(map[string]string{"type": "cancel", "id": id})
	return EndMessage(b, form)
}

// PingMessage asks a worker for a pong.
func PingMessage(form Form) []byte {
	return EndMessage([]byte(`{"type":"ping"}`+"\n"), form)
}

// A Message is one thing that a worker writes.
type Message struct {
	Type string
	ID   string // of the request that it is about; "" for none
	All  *value.Map
}

// Text returns a member as text; "" if it is not there or has none.
func (m Message) Text(key string) string {
	v, _ := m.All.Get(key)
	s, _ := ScalarText(v)
	return s
}

// ParseMessage reads one message of a worker.
func ParseMessage(data []byte, form Form) (Message, error) {
	all, err := ReadObject("message", form, data)
	if err != nil {
		return Message{}, err
	}
	m := Message{All: all}
	kind, _ := all.Get("type")
	m.Type, _ = kind.(string)
	if m.Type == "" {
		return Message{}, errors.New("message has no type")
	}
	m.ID = m.Text("id")
	return m, nil
}

// CheckHello judges a worker's first message.
func (m Message) CheckHello(agent string) error {
	if v, _ := m.All.Get("protocol"); v != int64(Version) {
		return fmt.Errorf("it speaks protocol %.40q, and this is %d", fmt.Sprint(value.ForJSON(v)), Version)
	}
	if v, ok := m.All.Get("agent"); ok && v != agent {
		return fmt.Errorf("it says that it is agent %.40q", fmt.Sprint(value.ForJSON(v)))
	}
	return nil
}

// ErrTooLong is returned for a message that is longer than the limit.
var ErrTooLong = errors.New("message too long")

// A Reader cuts what a worker writes into messages.
type Reader struct {
	r    *bufio.Reader
	form Form
	most int
}

// NewReader returns a Reader of messages of at most so many bytes.
func NewReader(r io.Reader, form Form, most int) *Reader {
	return &Reader{bufio.NewReaderSize(r, 64<<10), form, most}
}

// Next returns the next message that is not empty, until the next call.
func (r *Reader) Next() ([]byte, error) {
	var doc []byte
	for {
		line, err := readLine(r.r, r.most-len(doc))
		if err != nil {
			return nil, err
		}
		if r.form == YAML {
			if string(bytes.TrimRight(line, "\r\n")) != yamlEnd {
				doc = append(doc, line...)
				continue
			}
			line, doc = doc, nil
		}
		if len(bytes.TrimSpace(line)) > 0 {
			return line, nil
		}
	}
}

// readLine reads a line of at most so many bytes, its end included.
func readLine(r *bufio.Reader, most int) ([]byte, error) {
	var long []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(long)+len(part) > most {
			return nil, ErrTooLong
		}
		switch {
		case err == nil && long == nil:
			return part, nil
		case errors.Is(err, bufio.ErrBufferFull) || err == nil:
			long = append(long, part...)
			if err == nil {
				return long, nil
			}
		case errors.Is(err, io.EOF) && len(long)+len(part) > 0:
			return append(long, part...), nil
		default:
			return nil, err
		}
	}
}
