// Package credential holds who may do what in a collective: keys, the credentials of nodes and callers, and the
// trust bundle that says which keys make credentials and which are revoked.
//
//	authority (operator key; kept off the broker)
//	   └─ bundle: account signed by an operator signing key; its issue time only grows
//	        ├─ callers key: makes the credentials of callers    held by the authority
//	        ├─ nodes key:   makes the credentials of nodes      held by the broker
//	        ├─ guest key:   made the credential of those who join, which may only ask to
//	        └─ service key: made the credential of the broker's own connection
//
// Credentials are JWTs that a NATS server understands, so that the broker enforces what the bundle's templates
// allow. Nodes and callers check them again, by stricter rules, with Trust.Check. This package knows files and no
// network.
package credential

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"mcollective/message"
)

// A Kind says what a credential is for. The zero value is no kind.
type Kind int

// The kinds. Each is made with a key of its own, and none passes for another.
const (
	Caller Kind = iota + 1 // may make requests
	Node                   // may answer them
)

// String names the kind.
func (k Kind) String() string {
	switch k {
	case Caller:
		return "caller"
	case Node:
		return "node"
	}
	return "unknown kind"
}

// A Credential is what an issuer says of a key. It does not change.
type Credential struct {
	Name            string
	Kind            Kind
	Key             ed25519.PublicKey
	Issued, Expires time.Time
	Collectives     []string
	Roles           []string
	Permissions     []message.Permission // of a caller

	subject string // Key as it stands in the credential
	issuer  string
}

// CallerID returns the caller id that nodes see of a caller.
func (c *Credential) CallerID() string { return "creds=" + c.Name }

// KeyID returns the key as it is written in credentials, subjects and revocations.
func (c *Credential) KeyID() string { return c.subject }

// Verify reports whether sig is the key's signature of a payload in a domain.
func (c *Credential) Verify(domain string, payload, sig []byte) bool {
	return verify(c.Key, domain, payload, sig)
}

// Bounds of credentials.
const (
	// MaxToken bounds a credential as it travels, in bytes. A broker takes 4,096 for all that a client says
	// at its login.
	MaxToken = 3072

	// skew is how far the clock of an issuer may be ahead.
	skew = 5 * time.Minute

	maxTags = 64
)

// header is the first part of every credential: {"typ":"JWT","alg":"ed25519-nkey"}.
const header = "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ"

// claims are all that a credential says. They are written and read in exactly this form: the same text always
// has the same meaning, here and for the broker.
type claims struct {
	Expires int64      `json:"exp"`
	Issued  int64      `json:"iat"`
	Issuer  string     `json:"iss"`
	Name    string     `json:"name"`
	Subject string     `json:"sub"`
	Nats    natsClaims `json:"nats"`
}

type natsClaims struct {
	Account string   `json:"issuer_account"`
	Tags    []string `json:"tags"`
	Type    string   `json:"type"`
	Version int      `json:"version"`
}

// encode signs claims.
func (c *claims) encode(issuer *Key) (string, error) {
	c.Issuer, c.Nats.Type, c.Nats.Version = issuer.Public(), "user", 2
	data, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	token := signToken(data, issuer)
	if len(token) > MaxToken {
		return "", fmt.Errorf("the credential of %s has %d bytes, more than %d: give it fewer collectives, roles and agents", c.Name, len(token), MaxToken)
	}
	return token, nil
}

// decode reads a token, of which nothing is proven yet.
func decode(token string) (c claims, signed, sig []byte, err error) {
	if len(token) > MaxToken {
		return c, nil, nil, fmt.Errorf("it has %d bytes, more than %d", len(token), MaxToken)
	}
	data, signed, sig, err := splitToken(token)
	if err != nil {
		return c, nil, nil, err
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, nil, nil, fmt.Errorf("its claims are not valid: %w", err)
	}
	// The library would take other spellings of a key for it, and the last of two.
	if again, err := json.Marshal(&c); err != nil || string(again) != string(data) {
		return c, nil, nil, fmt.Errorf("its claims are not written as an issuer writes them")
	}
	if c.Nats.Type != "user" || c.Nats.Version != 2 {
		return c, nil, nil, fmt.Errorf("it is of type %.20q, version %d", c.Nats.Type, c.Nats.Version)
	}
	return c, signed, sig, nil
}

// credential makes of claims, whose signature holds, what they say.
func (c *claims) credential(kind Kind) (*Credential, error) {
	if err := CheckName(kind, c.Name); err != nil {
		return nil, &Error{Code: CodeName, Kind: kind, Err: err}
	}
	key, err := parsePublic(c.Subject)
	if err != nil {
		return nil, &Error{Code: CodeUnknown, Kind: kind, Name: c.Name, Err: err}
	}
	out := &Credential{
		Name: c.Name, Kind: kind, Key: key, subject: c.Subject, issuer: c.Issuer,
		Issued: time.Unix(c.Issued, 0), Expires: time.Unix(c.Expires, 0),
	}
	if c.Issued <= 0 || c.Expires <= c.Issued {
		return nil, &Error{Code: CodeUnknown, Kind: kind, Name: c.Name, Err: fmt.Errorf("it ends before it begins")}
	}
	if err := out.readTags(c.Nats.Tags); err != nil {
		return nil, &Error{Code: CodeUnknown, Kind: kind, Name: c.Name, Err: err}
	}
	return out, nil
}

// A Grant is what an issuer gives.
type Grant struct {
	Name        string
	Collectives []string
	Roles       []string
	Allow       []Rule // of a caller
	Lasts       time.Duration
}

// A Rule allows actions of agents. Either may be "*".
type Rule struct{ Agent, Action string }

// String writes a rule as AGENT/ACTION.
func (r Rule) String() string { return r.Agent + "/" + r.Action }

// ParseRule reads AGENT or AGENT/ACTION.
func ParseRule(text string) (Rule, error) {
	agent, action, found := strings.Cut(text, "/")
	if !found {
		action = "*"
	}
	r := Rule{agent, action}
	return r, r.check()
}

func (r Rule) check() error {
	if r.Agent != "*" {
		if err := message.ValidAgent(r.Agent); err != nil {
			return err
		}
	}
	if r.Action != "*" {
		if err := message.ValidAgent(r.Action); err != nil { // the same letters
			return fmt.Errorf("action %.64q has other characters than letters, digits, _ -", r.Action)
		}
	}
	return nil
}

const (
	collectiveTag = "c:"
	roleTag       = "r:"
	ruleTag       = "a:"
)

// tags writes a grant as tags, which templates of the broker refer to.
func (g Grant) tags(kind Kind) ([]string, error) {
	var tags []string
	for _, c := range g.Collectives {
		tags = append(tags, collectiveTag+c)
	}
	for _, r := range g.Roles {
		tags = append(tags, roleTag+r)
	}
	for _, r := range g.Allow {
		tags = append(tags, ruleTag+r.String())
	}
	return tags, (&Credential{Kind: kind}).readTags(tags)
}

// readTags takes over tags. One that is not known could limit something, so it is an error.
func (c *Credential) readTags(tags []string) error {
	if len(tags) > maxTags {
		return fmt.Errorf("it has %d tags, more than %d", len(tags), maxTags)
	}
	var rules []Rule
	for _, tag := range tags {
		if collective, ok := strings.CutPrefix(tag, collectiveTag); ok {
			if err := CheckCollective(collective); err != nil {
				return err
			}
			c.Collectives = append(c.Collectives, collective)
		} else if role, ok := strings.CutPrefix(tag, roleTag); ok {
			if err := message.ValidAgent(role); err != nil {
				return fmt.Errorf("role %.64q has other characters than letters, digits, _ -", role)
			}
			c.Roles = append(c.Roles, role)
		} else if rule, ok := strings.CutPrefix(tag, ruleTag); ok && c.Kind == Caller && strings.Contains(rule, "/") {
			r, err := ParseRule(rule)
			if err != nil {
				return err
			}
			rules = append(rules, r)
		} else {
			return fmt.Errorf("a tag %.64q is not known", tag)
		}
	}
	if len(c.Collectives) == 0 {
		return fmt.Errorf("it is of no collective")
	}
	for _, r := range rules {
		c.Permissions = append(c.Permissions, message.Permission{Collectives: slices.Clone(c.Collectives), Agents: []string{r.Agent}, Actions: []string{r.Action}})
	}
	return nil
}

// issue makes a credential for a public key.
func issue(kind Kind, issuer *Key, account, public string, g Grant, now time.Time) (string, error) {
	if err := CheckName(kind, g.Name); err != nil {
		return "", err
	}
	if _, err := parsePublic(public); err != nil {
		return "", err
	}
	if g.Lasts < time.Minute {
		return "", fmt.Errorf("a credential of %v is too short; it lasts a minute or more", g.Lasts)
	}
	tags, err := g.tags(kind)
	if err != nil {
		return "", err
	}
	c := claims{Name: g.Name, Subject: public, Issued: now.Unix(), Expires: now.Add(g.Lasts).Unix(), Nats: natsClaims{Account: account, Tags: tags}}
	return c.encode(issuer)
}
