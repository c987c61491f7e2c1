// Package enroll is how a machine gets its credential from a broker, and a new one before that ends: both ends of
// the protocol, and the client that speaks it over TLS to a pinned key.
//
// A request is a JSON document that is signed by the key for which the credential is to be made. The answer to a
// join is sealed with a key that follows from the secret of the token: all who join share one login, and could
// listen to each other's answers.
package enroll

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"mcollective/internal/credential"
)

// Domains of signatures.
const (
	joinDomain  = "mco-join-1"
	renewDomain = "mco-renew-1"
)

// Bounds of messages, in bytes. All but a request to join have a trust bundle in them, in base64.
const (
	maxJoin   = 8192
	maxRenew  = 2*credential.MaxBundle + 64<<10
	maxAnswer = maxRenew
)

var base64url = base64.RawURLEncoding.Strict()

// A signed document, as it is sent.
type signed struct {
	Payload   string `json:"payload"` // base64url of JSON
	Signature string `json:"signature"`
}

type joinRequest struct {
	Secret string `json:"secret"`
	Name   string `json:"name"`
	Key    string `json:"key"`
	Nonce  string `json:"nonce"`
}

type renewRequest struct {
	Credential string            `json:"credential"`
	Wanted     bool              `json:"wanted"` // a new credential, beside the trust bundle
	Time       int64             `json:"time"`   // each request is another one
	Bundle     credential.Bundle `json:"bundle"` // of the member, which may be newer than the broker's
}

// An Answer is what a broker says to either.
type Answer struct {
	Refused    string            `json:"refused,omitempty"` // why there is no credential
	Credential string            `json:"credential,omitempty"`
	Bundle     credential.Bundle `json:"bundle"`
	Pins       []string          `json:"pins,omitempty"`
	Time       int64             `json:"time"` // of the broker, in seconds since 1970
}

// sealed is an answer to a join, as it is sent.
type sealed struct {
	Sealed string `json:"sealed,omitempty"`
	Error  string `json:"error,omitempty"` // to a request that was not read
}

func sign(domain string, payload any, key func(domain string, payload []byte) []byte) ([]byte, error) {
	data, err := json.Marshal(payload)
	if err != nil {
		return nil, err
	}
	return json.Marshal(signed{base64url.EncodeToString(data), base64url.EncodeToString(key(domain, data))})
}

// open reads a signed document, of which nothing is proven yet.
func open(data []byte, most int, into any) (payload, sig []byte, err error) {
	if len(data) > most {
		return nil, nil, fmt.Errorf("it has %d bytes, more than %d", len(data), most)
	}
	var s signed
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, nil, err
	}
	payload, err1 := base64url.DecodeString(s.Payload)
	sig, err2 := base64url.DecodeString(s.Signature)
	if err := errors.Join(err1, err2, json.Unmarshal(payload, into)); err != nil {
		return nil, nil, err
	}
	return payload, sig, nil
}

// sealer makes the cipher for one answer.
func sealer(secret [16]byte, nonce []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, secret[:], nonce, "mco-join-answer-1", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

const nonceSize = 16

// newJoin makes a request to join.
func newJoin(token credential.JoinToken, name string, key *credential.Key) (data []byte, unseal func([]byte) (*Answer, error), err error) {
	nonce := make([]byte, nonceSize)
	rand.Read(nonce) // it never fails
	data, err = sign(joinDomain, joinRequest{base64url.EncodeToString(token.Secret[:]), name, key.Public(), base64url.EncodeToString(nonce)}, key.Sign)
	if err != nil {
		return nil, nil, err
	}
	return data, func(answer []byte) (*Answer, error) { return unsealAnswer(answer, token.Secret, nonce) }, nil
}

func unsealAnswer(data []byte, secret [16]byte, nonce []byte) (*Answer, error) {
	var s sealed
	if len(data) > maxAnswer {
		return nil, errors.New("the answer of the broker is too long")
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("the answer of the broker is not valid: %w", err)
	}
	if s.Error != "" {
		return nil, fmt.Errorf("the broker refuses: %s", printable(s.Error))
	}
	text, err := base64url.DecodeString(s.Sealed)
	if err != nil {
		return nil, fmt.Errorf("the answer of the broker is not valid: %w", err)
	}
	aead, err := sealer(secret, nonce)
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, nil, text, nil)
	if err != nil {
		return nil, errors.New("the answer of the broker is not sealed with the secret of the token")
	}
	return readAnswer(plain)
}

func readAnswer(data []byte) (*Answer, error) {
	var a Answer
	if len(data) > maxAnswer {
		return nil, errors.New("the answer of the broker is too long")
	}
	if err := json.Unmarshal(data, &a); err != nil {
		return nil, fmt.Errorf("the answer of the broker is not valid: %w", err)
	}
	return &a, nil
}

// A Desk answers requests with what the directory of a broker holds.
type Desk struct {
	Dir *credential.BrokerDir
	Now func() time.Time
}

// Join answers a request to join. It reports who joined, and an error that is for the log of the broker.
func (d Desk) Join(data []byte) (answer []byte, name string, err error) {
	var q joinRequest
	payload, sig, err := open(data, maxJoin, &q)
	if err != nil {
		return unreadable(err)
	}
	secret, err1 := base64url.DecodeString(q.Secret)
	nonce, err2 := base64url.DecodeString(q.Nonce)
	if err := errors.Join(err1, err2); err != nil || len(secret) != 16 || len(nonce) != nonceSize {
		return unreadable(errors.New("its secret or nonce is not valid"))
	}
	if !credential.VerifyKey(q.Key, joinDomain, payload, sig) {
		return unreadable(errors.New("its signature does not hold"))
	}
	now := d.Now()
	token, err := d.Dir.Join([16]byte(secret), q.Name, q.Key, now)
	a := d.answer(token, err, now)
	aead, err2 := sealer([16]byte(secret), nonce)
	if err2 != nil {
		return nil, "", err2
	}
	plain, err2 := json.Marshal(a)
	if err2 != nil {
		return nil, "", err2
	}
	answer, err2 = json.Marshal(sealed{Sealed: base64url.EncodeToString(aead.Seal(nil, nil, plain, nil))})
	return answer, q.Name, errors.Join(err, err2)
}

func unreadable(cause error) ([]byte, string, error) {
	answer, err := json.Marshal(sealed{Error: "the request could not be read: " + cause.Error()})
	return answer, "", errors.Join(cause, err)
}

// Busy answers a request to join that nobody has read.
func Busy() []byte {
	answer, err := json.Marshal(sealed{Error: "too many machines want to join at this time; try again in a minute"})
	if err != nil {
		panic(err) // a text
	}
	return answer
}

// answer puts together what a broker says.
func (d Desk) answer(token string, err error, now time.Time) *Answer {
	a := &Answer{Credential: token, Time: now.Unix(), Bundle: d.Dir.Kit.Trust.Bundle()}
	for _, p := range d.Dir.Kit.Trust.Pins() {
		a.Pins = append(a.Pins, p.String())
	}
	if err != nil {
		a.Credential = ""
		a.Refused = "the broker failed; see its log"
		if r := (*credential.JoinRefusal)(nil); errors.As(err, &r) {
			a.Refused = r.Reason
		}
	}
	return a
}

// Renew answers a request for the trust bundle and, if that is wanted, a new credential. It does so only where the
// owner of the key alone may listen, and so only for the connection of that key.
func (d Desk) Renew(data []byte, reply string) (answer []byte, key, name string, err error) {
	var q renewRequest
	payload, sig, err := open(data, maxRenew, &q)
	if err != nil {
		return nil, "", "", err
	}
	now := d.Now()
	kind := credential.Node
	c, err := d.Dir.Kit.Trust.Signed(q.Credential, kind)
	if credential.CodeOf(err) == credential.CodeKind {
		kind = credential.Caller
		c, err = d.Dir.Kit.Trust.Signed(q.Credential, kind)
	}
	if err != nil {
		return nil, "", "", err
	}
	if !c.Verify(renewDomain, payload, sig) {
		return nil, "", "", errors.New("the signature does not hold")
	}
	if !credential.RepliesTo(reply, c.KeyID()) {
		return nil, "", "", fmt.Errorf("the request of %s came over the connection of somebody else", c.Name)
	}
	// It does not matter who sends it: the authority has signed it. One that is not newer changes nothing.
	_, _ = d.Dir.Kit.Trust.Update(q.Bundle)
	token := ""
	switch err = d.Dir.Kit.Trust.InForce(c, now); {
	case credential.CodeOf(err) == credential.CodeRevoked:
		err = &credential.JoinRefusal{Reason: err.Error()}
	case q.Wanted && kind == credential.Node:
		token, err = d.Dir.Renew(q.Credential, now)
	case q.Wanted:
		err = &credential.JoinRefusal{Reason: "the broker makes no callers; ask the one who has the authority: mco trust issue " + c.Name}
	default:
		err = nil // one that has ended may hear that
	}
	answer, err2 := json.Marshal(d.answer(token, err, now))
	return answer, c.KeyID(), c.Name, errors.Join(err, err2)
}
