package credential

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// MaxBundle bounds a trust bundle, in bytes: about 10,000 revocations.
const MaxBundle = 1 << 20

// Bundle is a trust bundle as it is written to files and sent: two JWTs of the authority.
type Bundle struct {
	Operator string `json:"operator"` // signed by the authority's key: which keys sign accounts
	Account  string `json:"account"`  // signed by one of these: which keys make credentials, who is revoked
}

// Encode writes a bundle.
func (b Bundle) Encode() []byte {
	data, err := json.Marshal(b)
	if err != nil {
		panic(err) // two strings
	}
	return data
}

// ParseBundle reads a bundle, of which nothing is proven yet.
func ParseBundle(data []byte) (Bundle, error) {
	var b Bundle
	if len(data) > MaxBundle {
		return b, fmt.Errorf("the trust bundle has %d bytes, more than %d", len(data), MaxBundle)
	}
	if err := json.Unmarshal(data, &b); err != nil {
		return b, fmt.Errorf("the trust bundle is not valid: %w", err)
	}
	return b, nil
}

// Roles of the keys that make credentials, as they stand in the account.
const (
	roleCaller  = "caller"
	roleNode    = "node"
	roleGuest   = "guest"
	roleService = "service"
)

// Subjects that only creds clients and their broker use. What is below _MCO only the broker listens to; addresses
// below _MCO_REPLY only the broker writes to.
const (
	// SubjectJoin takes requests to join.
	SubjectJoin = "_MCO.join"
	// SubjectRenew takes requests for a new credential.
	SubjectRenew = "_MCO.renew"
	// SubjectBundle is where the broker announces a new trust bundle.
	SubjectBundle = "_MCO_TRUST.bundle"

	guestReplies = "_MCO_REPLY.JOIN."
	replies      = "_MCO_REPLY."
)

// GuestReply returns the address for the answer to a request to join.
func GuestReply(random string) string { return guestReplies + random }

// Reply returns the address for an answer of the broker to the owner of a key.
func Reply(key, random string) string { return replies + key + "." + random }

// RepliesTo reports whether an address is one of Reply's that only the owner of a key may listen to.
func RepliesTo(address, key string) bool {
	return strings.HasPrefix(address, Reply(key, "")) && IsReply(address)
}

// IsReply reports whether an address is one of GuestReply's or Reply's.
func IsReply(address string) bool {
	owner, random, ok := strings.Cut(strings.TrimPrefix(address, replies), ".")
	if !ok || !strings.HasPrefix(address, replies) || len(random) < 16 || len(random) > 64 {
		return false
	}
	for _, r := range owner + random {
		if (r < 'A' || r > 'Z') && (r < '0' || r > '9') {
			return false
		}
	}
	_, err := parsePublic(owner)
	return owner == "JOIN" || err == nil
}

// scopes returns what the broker allows to each kind of credential. The names of collectives are tags; a credential
// without one is refused by the broker.
func scopes(callers, nodes, guest, service *Key) []*jwt.UserScope {
	const collective = "{{tag(c)}}."
	scope := func(key *Key, role, connections string, pub, sub []string) *jwt.UserScope {
		s := jwt.NewUserScope()
		s.Key, s.Role = key.Public(), role
		s.Template.Pub.Allow, s.Template.Sub.Allow = pub, sub
		s.Template.AllowedConnectionTypes = jwt.StringList{connections}
		return s
	}
	joining := scope(guest, roleGuest, jwt.ConnectionTypeStandard, []string{SubjectJoin}, []string{guestReplies + "*"})
	joining.Template.BearerToken = true
	joining.Template.Subs, joining.Template.Payload = 3, 8192
	own := "_MCO_REPLY.{{subject()}}.*"
	return []*jwt.UserScope{
		scope(callers, roleCaller, jwt.ConnectionTypeStandard,
			[]string{collective + "broadcast.agent.*", collective + "node.>", "_MCO.interest", SubjectRenew},
			[]string{collective + "reply.{{subject()}}.>", "_MCO_REPLY.*", own, SubjectBundle}),
		scope(nodes, roleNode, jwt.ConnectionTypeStandard,
			[]string{collective + "reply.>", SubjectRenew},
			[]string{collective + "broadcast.agent.*", collective + "node.{{name()}}", own, SubjectBundle}),
		joining,
		scope(service, roleService, jwt.ConnectionTypeInProcess, []string{"_MCO_REPLY.>", SubjectBundle}, []string{"_MCO.>"}),
	}
}

// A verified bundle is one whose signatures hold.
type verified struct {
	Bundle
	operator *jwt.OperatorClaims
	account  *jwt.AccountClaims
	makers   map[string]Kind // public keys that make credentials
}

// verify checks a bundle from the authority down.
func (b Bundle) verify(authority string) (*verified, error) {
	if _, err := publicOf(authority, nkeys.PrefixByteOperator); err != nil {
		return nil, fmt.Errorf("the authority: %w", err)
	}
	operator, err := jwt.DecodeOperatorClaims(b.Operator)
	if err != nil {
		return nil, fmt.Errorf("the operator of the trust bundle: %w", err)
	}
	switch {
	case operator.Subject != authority || operator.Issuer != authority:
		return nil, fmt.Errorf("the trust bundle is of the authority %.64q, not of %s", operator.Subject, authority)
	case !operator.StrictSigningKeyUsage:
		return nil, errors.New("the trust bundle does not insist on signing keys")
	}
	account, err := jwt.DecodeAccountClaims(b.Account)
	if err != nil {
		return nil, fmt.Errorf("the account of the trust bundle: %w", err)
	}
	if account.Issuer == authority || !slices.Contains(operator.SigningKeys, account.Issuer) {
		return nil, errors.New("the account of the trust bundle is not signed by a signing key of the authority")
	}
	v := &verified{Bundle: b, operator: operator, account: account, makers: make(map[string]Kind)}
	for key, scope := range account.SigningKeys {
		s, ok := scope.(*jwt.UserScope)
		if !ok {
			return nil, fmt.Errorf("the key %.64q of the trust bundle may make anything", key)
		}
		if _, err := publicOf(key, nkeys.PrefixByteAccount); err != nil {
			return nil, err
		}
		switch s.Role {
		case roleCaller:
			v.makers[key] = Caller
		case roleNode:
			v.makers[key] = Node
		}
	}
	return v, nil
}

// issued is when the bundle was made, as the authority counts.
func (v *verified) issued() time.Time { return time.Unix(v.account.IssuedAt, 0) }

// follows returns why a bundle may not take the place of another, or nil.
func (v *verified) follows(old *verified) error {
	switch {
	case old == nil:
		return nil
	case v.account.Subject != old.account.Subject:
		return errors.New("the trust bundle is of another account")
	case v.account.IssuedAt < old.account.IssuedAt || v.operator.IssuedAt < old.operator.IssuedAt:
		return fmt.Errorf("the trust bundle of %s is older than that of %s; it is not taken", v.issued().UTC().Format(time.RFC3339), old.issued().UTC().Format(time.RFC3339))
	case v.account.IssuedAt == old.account.IssuedAt && v.Bundle != old.Bundle:
		return errors.New("there are two trust bundles of the same time; neither takes the place of the other")
	}
	// Two who revoke, each from a copy of the authority, would undo each other's revocations.
	for key, at := range old.account.Revocations {
		if now, ok := v.account.Revocations[key]; !ok || now < at {
			return fmt.Errorf("the trust bundle of %s lacks the revocation of %.64q and is not taken; was it made from a copy of the authority? Copy the newest trust.json over that of the authority, and revoke again", v.issued().UTC().Format(time.RFC3339), key)
		}
	}
	return nil
}

// forEver is until when the credentials of a revoked key are: one that is made while the revocation is on its way
// must not be good again, whatever clocks say. It is the last second that has four digits for the year.
var forEver = time.Unix(253402300799, 0)

// RevokeForEver has a broker refuse revoked keys as Trust does: for ever, also those that an authority revoked
// until a time.
func RevokeForEver(account *jwt.AccountClaims) {
	for key := range account.Revocations {
		if key != jwt.All {
			account.Revocations[key] = forEver.Unix()
		}
	}
}

// revoked reports whether a key is revoked, or all credentials that were made until a time.
func (v *verified) revoked(key string, issued time.Time) bool {
	if _, ok := v.account.Revocations[key]; ok {
		return true
	}
	at, ok := v.account.Revocations[jwt.All]
	return ok && issued.Unix() <= at
}
