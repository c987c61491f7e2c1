package stomp

// The commands of STOMP.
const (
	Connect     = "CONNECT"
	Connected   = "CONNECTED"
	Stomp       = "STOMP"
	Send        = "SEND"
	Subscribe   = "SUBSCRIBE"
	Unsubscribe = "UNSUBSCRIBE"
	Begin       = "BEGIN"
	Commit      = "COMMIT"
	Abort       = "ABORT"
	Ack         = "ACK"
	Nack        = "NACK"
	Disconnect  = "DISCONNECT"
	Message     = "MESSAGE"
	Receipt     = "RECEIPT"
	Error       = "ERROR"
)

// A Frame is one unit of the protocol.
type Frame struct {
	Command string
	Header  Header
	Body    []byte
}

// A Field is one header line, unescaped.
type Field struct {
	Name, Value string
}

// A Header is the header of a frame in the order of the wire. Where a name is
// repeated the first one counts.
type Header []Field

// Get returns the value of the first field of that name, "" without one.
func (h Header) Get(name string) string {
	v, _ := h.Lookup(name)
	return v
}

// Lookup returns the value of the first field of that name and whether there is
// one. Names are compared byte for byte.
func (h Header) Lookup(name string) (string, bool) {
	for i := range h {
		if h[i].Name == name {
			return h[i].Value, true
		}
	}
	return "", false
}

// Add returns h with one more field at its end.
func (h Header) Add(name, value string) Header {
	return append(h, Field{name, value})
}
