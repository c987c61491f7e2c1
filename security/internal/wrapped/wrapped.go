// Package wrapped is the hash that the security providers ssl and aes_security put
// what is asked into, so that their proof covers how long it is good for, too.
//
//	{:ssl_msg => what is asked, :ssl_ttl => 60, :ssl_msgtime => 1795336394, :ssl_envelope => "a hash"}
//
// The last is ours: a hash over the rest of the envelope, which Ruby's proof leaves
// open. Ruby's nodes take no notice of it.
package wrapped

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"mcollective/marshal"
	"mcollective/message"
	"mcollective/message/wire"
	"mcollective/value"
)

// A Form is the keys of the hash.
type Form struct {
	body, ttl, time, envelope value.Symbol
	withBody                  bool // the hash is over what is asked, too: what is only enciphered can be changed
}

// The forms of the two providers.
var (
	SSL = Form{"ssl_msg", "ssl_ttl", "ssl_msgtime", "ssl_envelope", false}
	AES = Form{"aes_msg", "aes_ttl", "aes_msgtime", "aes_envelope", true}
)

// Wrap returns the hash for a request that has all but its proof.
func (f Form) Wrap(r *message.Request) (*value.Map, error) {
	sum, err := f.sum(r, r.Body)
	if err != nil {
		return nil, err
	}
	return value.NewMap(f.body, r.Body, f.ttl, int64(r.TTL/time.Second), f.time, r.Time.Unix(), f.envelope, sum), nil
}

// A Content is what was in a hash.
type Content struct {
	Body  any
	Bound bool // the proof covers the envelope: its id, agent, collective, sender, caller and filter
}

// Unwrap takes the hash apart and checks that it says of the request what its envelope
// does. With enforce it must say when the request was sent and for how long it is good;
// without, an older client may leave that to the envelope, and what the hash says
// counts.
func (f Form) Unwrap(body any, r *message.Request, enforce bool) (Content, error) {
	m, _ := body.(*value.Map)
	c := Content{}
	has := false
	if m != nil {
		c.Body, has = m.Get(f.body)
	}
	if !has {
		if enforce {
			return c, fmt.Errorf("the body has no :%s: its sender is older than MCollective 2.0, or it was made up", f.body)
		}
		return Content{Body: body}, nil
	}
	if err := f.times(m, r, enforce); err != nil {
		return c, err
	}
	if stated, ok := m.Get(f.envelope); ok {
		want, err := f.sum(r, c.Body)
		if err != nil {
			return c, err
		}
		s, _ := stated.(string)
		if subtle.ConstantTimeCompare([]byte(s), []byte(want)) != 1 {
			return c, errors.New("it was made for another id, agent, collective, sender, caller or filter")
		}
		c.Bound = true
	}
	return c, nil
}

// times compares TTL and time with those of the envelope, which count no more.
func (f Form) times(m *value.Map, r *message.Request, enforce bool) error {
	for _, t := range [...]struct {
		key   value.Symbol
		outer int64
		set   func(int64)
	}{
		{f.ttl, int64(r.TTL / time.Second), func(n int64) { r.TTL = time.Duration(n) * time.Second }},
		{f.time, r.Time.Unix(), func(n int64) { r.Time = time.Unix(n, 0).UTC() }},
	} {
		v, ok := m.Get(t.key)
		n, whole := v.(int64)
		switch {
		case !ok && enforce:
			return fmt.Errorf("the body has no :%s", t.key)
		case !ok:
		case !whole || n < 0 || n > 1<<40 || t.key == f.ttl && n > 1<<31-1:
			return fmt.Errorf("its :%s is not a number of seconds", t.key)
		case n != t.outer && enforce:
			return fmt.Errorf("its :%s is %d, and %d in the envelope", t.key, n, t.outer)
		default:
			t.set(n)
		}
	}
	return nil
}

// sum returns the hash over what an envelope holds beside the body. It is the same whatever
// the serializer.
func (f Form) sum(r *message.Request, body any) (string, error) {
	filter, err := wire.FilterTree(&r.Filter)
	if err != nil {
		return "", err
	}
	list := []any{r.ID, r.Collective, r.Agent, r.Sender, r.Caller, filter}
	if f.withBody {
		list = append(list, body)
	}
	data, err := marshal.Marshal(list)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}
