package wire

import (
	"time"
	"unicode/utf8"

	"mcollective/filter"
	"mcollective/internal/plaintext"
	"mcollective/marshal"
	"mcollective/message"
)

// This file is the short way for what nearly every message is: an envelope in
// Marshal with each key once and in its proper type, a filter without regular
// expressions and compounds, a body that is one text. It is read without building
// trees. Anything else, and anything wrong, gives up here and goes the general
// way, which alone knows what to refuse and why; the two never differ about what
// they take. FuzzDirect holds them to that.

// A fieldSet is which fields of an envelope have been seen.
type fieldSet uint16

func setOf(list ...field) (s fieldSet) {
	for _, f := range list {
		s |= 1 << f
	}
	return s
}

// directRequest reads a request.
func directRequest(data string) (*Request, bool) {
	in := requestEnvelope.Plain(data)
	r := new(Request)
	h := &r.Header
	var seen fieldSet
	var ttl, at int64
	for range in.Hash() {
		n := fieldOf(in.Symbol())
		if seen&(1<<n) != 0 {
			in.GiveUp()
		}
		seen |= 1 << n
		switch n {
		case fieldBody:
			r.Body, _ = in.Text()
		case fieldSenderID:
			h.Sender = directText(&in)
		case fieldRequestID:
			h.ID = directText(&in)
		case fieldFilter:
			directFilter(&in, &h.Filter)
		case fieldCollective:
			h.Collective = directText(&in)
		case fieldAgent:
			h.Agent = directText(&in)
		case fieldCallerID:
			h.Caller = directText(&in)
		case fieldTTL:
			ttl = in.Int()
		case fieldMsgTime:
			at = in.Int()
		case fieldHash:
			r.Hash = directText(&in)
		default: // what a reply has, and what nobody knows
			return nil, false
		}
	}
	needed := setOf(fieldAgent, fieldFilter, fieldCallerID, fieldRequestID, fieldBody, fieldHash)
	if !in.End() || seen&needed != needed || ttl > maxTTL || at > maxTime {
		return nil, false
	}
	r.NoTTL = seen&(1<<fieldTTL) == 0
	h.TTL = time.Duration(ttl) * time.Second
	h.Time = time.Unix(at, 0).UTC()
	return r, CheckRequest(h) == nil
}

// directReply reads a reply's envelope.
func directReply(data string) (*Reply, bool) {
	in := replyEnvelope.Plain(data)
	r := new(Reply)
	h := &r.Header
	var seen fieldSet
	var at int64
	for range in.Hash() {
		n := fieldOf(in.Symbol())
		if seen&(1<<n) != 0 {
			in.GiveUp()
		}
		seen |= 1 << n
		switch n {
		case fieldSenderID:
			h.Sender = directText(&in)
		case fieldRequestID:
			h.RequestID = directText(&in)
		case fieldSenderAgent:
			h.Agent = directText(&in)
		case fieldReason:
			h.Reason = message.Reason(directText(&in))
		case fieldMsgTime:
			at = in.Int()
		case fieldBody:
			r.Body, _ = in.Text()
		case fieldHash:
			r.Hash = directText(&in)
		default:
			return nil, false
		}
	}
	needed := setOf(fieldSenderID, fieldSenderAgent, fieldRequestID, fieldBody, fieldHash)
	if !in.End() || seen&needed != needed || at > maxTime {
		return nil, false
	}
	h.Time = time.Unix(at, 0).UTC()
	return r, CheckReply(h) == nil
}

// directText reads what [text] takes for text.
func directText(in *marshal.Plain) string {
	s, binary := in.Text()
	if !plaintext.IsASCII(s) && (binary || !utf8.ValidString(s)) {
		in.GiveUp()
	}
	return s
}

// directFilter reads a filter of texts and facts.
func directFilter(in *marshal.Plain, f *filter.Filter) {
	var seen keySet
	pairs := in.Hash()
	for range pairs {
		var key keySet
		switch directText(in) {
		case keyFact:
			key = 1 << 0
			f.Facts = directFacts(in)
		case keyClass:
			key = 1 << 1
			f.Classes = directPatterns(in)
		case keyAgent:
			key = 1 << 2
			f.Agents = directPatterns(in)
		case keyIdentity:
			key = 1 << 3
			f.Identities = directPatterns(in)
		case keyCompound:
			key = 1 << 4
			if in.List() != 0 {
				in.GiveUp()
			}
		case keyCollective:
			key = keyOther
			f.Collective = directText(in)
		default:
			in.GiveUp()
		}
		if seen&key != 0 {
			in.GiveUp()
		}
		seen |= key
	}
	f.Irregular = pairs > 0 && seen != keyFive
}

// maxDirect is up to how many entries of a list are read here. Their memory is
// taken before they are read.
const maxDirect = 32

func directPatterns(in *marshal.Plain) []filter.Pattern {
	n := in.List()
	if n > maxDirect {
		in.GiveUp()
	}
	if n == 0 || n > maxDirect {
		return nil
	}
	patterns := make([]filter.Pattern, n)
	for i := range patterns {
		patterns[i].Text = directText(in)
	}
	return patterns
}

func directFacts(in *marshal.Plain) []filter.Fact {
	n := in.List()
	if n > maxDirect {
		in.GiveUp()
	}
	if n == 0 || n > maxDirect {
		return nil
	}
	facts := make([]filter.Fact, n)
	for i := range facts {
		directFact(in, &facts[i])
	}
	return facts
}

func directFact(in *marshal.Plain, f *filter.Fact) {
	if in.Hash() != 3 {
		in.GiveUp()
		return
	}
	var seen uint8
	for range 3 {
		switch in.Symbol() {
		case "fact":
			seen |= 1
			f.Name = directText(in)
		case "value":
			seen |= 2
			f.Value = directText(in)
		case "operator":
			seen |= 4
			f.Operator = directText(in)
		}
	}
	if seen != 7 || checkFact(*f) != nil {
		in.GiveUp()
	}
}

// directBody reads a body that is one text. Those of discovery need no memory of
// their own.
func directBody(data string, p *marshal.Policy) (any, bool) {
	in := p.Plain(data)
	s, binary := in.Text()
	if binary || !in.End() {
		return nil, false
	}
	switch s {
	case "ping":
		return "ping", true
	case "pong":
		return "pong", true
	}
	return s, true
}

// What stands between the values of a reply. Each is what the general way writes:
// the symbols in this order, each a number from its second time on, the
// encodings of the strings after them.
const (
	replySender = "\x04\x08{\x0b:\x0dsenderidI\""
	replyID     = "\x06:\x06ET:\x0erequestidI\""
	replyAgent  = "\x06;\x06F:\x10senderagentI\""
	replyTime   = "\x06;\x06T:\x0cmsgtime"
	replyText   = ":\x09body\""
	replyHash   = ":\x09hashI\""
	replyEnd    = "\x06;\x06F"
)

// appendReply writes a reply as Serializer.encode writes its tree.
func appendReply(r *Reply) []byte {
	h := &r.Header
	const constant = len(replySender + replyID + replyAgent + replyTime + replyText + replyHash + replyEnd)
	const numbers = 5*5 + 10 // five lengths and the time
	b := make([]byte, 0, constant+numbers+len(h.Sender)+len(h.RequestID)+len(h.Agent)+len(r.Body)+len(r.Hash))
	b = appendString(append(b, replySender...), h.Sender)
	b = appendString(append(b, replyID...), h.RequestID)
	b = appendString(append(b, replyAgent...), h.Agent)
	b = marshal.AppendInt(append(b, replyTime...), h.Time.Unix())
	b = appendString(append(b, replyText...), r.Body)
	b = appendString(append(b, replyHash...), r.Hash)
	return append(b, replyEnd...)
}

func appendString(b []byte, s string) []byte {
	return append(marshal.AppendLength(b, len(s)), s...)
}
