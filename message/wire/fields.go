package wire

import (
	"errors"
	"fmt"

	"mcollective/marshal"
	"mcollective/value"
)

// A field is one of the known keys of an envelope.
type field uint8

const (
	fieldBody field = iota
	fieldSenderID
	fieldRequestID
	fieldFilter
	fieldCollective
	fieldAgent
	fieldCallerID
	fieldTTL
	fieldMsgTime
	fieldHash
	fieldSenderAgent
	fieldReason
	fieldKey
	fieldPublicKey
	fieldCount
)

var fieldNames = [fieldCount]string{"body", "senderid", "requestid", "filter", "collective", "agent", "callerid",
	"ttl", "msgtime", "hash", "senderagent", "reason", "sslkey", "sslpubkey"}

const (
	maxTTL  = 1<<31 - 1 // seconds
	maxTime = 1 << 40   // seconds since 1970
)

// fields is an envelope sorted by its known keys. err is the first that a value's
// type caused.
type fields struct {
	values [fieldCount]any
	err    error
}

// decode reads an envelope. Keys that nobody knows are skipped, as Ruby
// does; a known key as a string instead of a symbol is refused, which Ruby would
// skip: it can only be there to mislead.
func (f *fields) decode(s Serializer, data string, p *marshal.Policy) error {
	v, err := s.decode(data, p)
	if err != nil {
		return s.wrongSerializer(data, err)
	}
	h, ok := v.(*value.Map)
	if !ok {
		return s.wrongSerializer(data, fmt.Errorf("the envelope is %s, not a hash", kindOf(v)))
	}
	for i := range h.Pairs {
		key := h.Pairs[i].Key
		name, ok := fieldName(key, s != JSON)
		if !ok {
			if str, isString := rawBytes(key); isString && fieldOf(str) < fieldCount {
				return fmt.Errorf("%q is a string, not a symbol", str)
			}
			continue
		}
		n := fieldOf(name)
		if n == fieldCount {
			continue
		}
		if f.values[n] != nil {
			return fmt.Errorf(":%s is there twice", name)
		}
		f.values[n] = h.Pairs[i].Value
	}
	return nil
}

func fieldOf(name string) field {
	switch name {
	case "body":
		return fieldBody
	case "senderid":
		return fieldSenderID
	case "requestid":
		return fieldRequestID
	case "filter":
		return fieldFilter
	case "collective":
		return fieldCollective
	case "agent":
		return fieldAgent
	case "callerid":
		return fieldCallerID
	case "ttl":
		return fieldTTL
	case "msgtime":
		return fieldMsgTime
	case "hash":
		return fieldHash
	case "senderagent":
		return fieldSenderAgent
	case "reason":
		return fieldReason
	case "sslkey":
		return fieldKey
	case "sslpubkey":
		return fieldPublicKey
	}
	return fieldCount
}

// has reports whether the field is there; nil counts as absent, as in Ruby.
func (f *fields) has(n field) bool { return f.values[n] != nil }

func (f *fields) fail(n field) {
	if f.err == nil {
		f.err = fmt.Errorf(":%s is %s", fieldNames[n], kindOf(f.values[n]))
	}
}

// text returns the field as text, "" when absent.
func (f *fields) text(n field) string {
	if !f.has(n) {
		return ""
	}
	s, ok := text(f.values[n])
	if !ok {
		f.fail(n)
	}
	return s
}

// bytes returns the field's string as it came.
func (f *fields) bytes(n field) string {
	s, ok := rawBytes(f.values[n])
	if !ok {
		f.fail(n)
	}
	return s
}

// integer returns the field as a number from 0 to most, 0 when absent.
func (f *fields) integer(n field, most int64) int64 {
	if !f.has(n) {
		return 0
	}
	i, ok := f.values[n].(int64)
	if !ok {
		f.fail(n)
	} else if i < 0 || i > most {
		if f.err == nil {
			f.err = errors.New(":" + fieldNames[n] + " is out of range")
		}
		return 0
	}
	return i
}

// usASCII returns a string that Ruby made of ASCII by conversion, and marks so.
func usASCII(s string) any {
	return &value.String{Bytes: s, Encoding: "US-ASCII"}
}

// bodyString returns a serialized body as an envelope holds it: for Marshal a string
// without encoding, else text.
func (s Serializer) bodyString(body string) any {
	if s == Marshal {
		return value.Binary(body)
	}
	return body
}

// proven returns a body and its proof as an envelope holds them. What is enciphered is text
// that Ruby has made by conversion.
func (s Serializer) proven(body, hash, key string) (any, value.Pair) {
	if key != "" {
		return usASCII(body), value.Pair{Key: value.Symbol("sslkey"), Value: usASCII(key)}
	}
	return s.bodyString(body), value.Pair{Key: value.Symbol("hash"), Value: usASCII(hash)}
}
