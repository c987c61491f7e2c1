package broker

import (
	"crypto/rand"
	"crypto/subtle"
	"regexp"
	"sync/atomic"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"golang.org/x/crypto/bcrypt"

	"mcollective/connector/nats/interest"
)

// An access decides who may connect to a broker without users of its own in a
// configuration file, and what they may do there: everything but to listen where
// the broker is asked, and to answer in its place.
//
// nats-server has no permissions for those who need no user. It asks an
// authenticator, though, and with one it also ends connections that never say who
// they are.
type access struct {
	own     string          // the token of the broker's own connection
	full    *server.Account // takes no connections
	allowed atomic.Pointer[credentials]

	// enter lets a connection in, once, if there is room, for which it waits if it is
	// patient.
	enter func(cid uint64, patient bool) bool

	// While nats-server asks again about all connections, one after the other, none of
	// them is waited for.
	reloading atomic.Bool
}

// credentials are those that nats-server's options require; all may be empty.
type credentials struct{ user, password, token string }

// everybody has the permissions of those who are let in.
var everybody = &server.User{Permissions: &server.Permissions{
	Publish:   &server.SubjectPermission{Deny: interest.DenyPublish()},
	Subscribe: &server.SubjectPermission{Deny: interest.DenySubscribe()},
}}

// controlsAccess reports whether an access can stand for what the options say of who
// may connect. It cannot where there are several users or accounts, nor where others
// than clients of this broker speak: there the broker does not see all who listen,
// or somebody could write past the permissions of a client.
func controlsAccess(o *server.Options) bool {
	larger := o.Cluster.Port != 0 || o.Cluster.Name != "" || o.Gateway.Name != "" || o.LeafNode.Port != 0 || len(o.LeafNode.Remotes) > 0
	accounts := len(o.Users)+len(o.Nkeys)+len(o.TrustedOperators)+len(o.TrustedKeys)+len(o.Accounts) > 0 || o.AuthCallout != nil || o.TLSMap
	ws := o.Websocket
	webUsers := ws.TLSMap || ws.Username+ws.Password+ws.Token+ws.NoAuthUser+ws.JWTCookie+ws.UsernameCookie+ws.PasswordCookie+ws.TokenCookie != ""
	return !larger && !accounts && !webUsers && !o.JetStream && o.MQTT.Port == 0 && o.Proxies == nil
}

// newAccess puts an access in charge of options, or returns nil if none can be.
func newAccess(o *server.Options) *access {
	if !controlsAccess(o) {
		return nil
	}
	a := &access{own: rand.Text()}
	a.follow(o)
	return a
}

// follow has the access ask for what the options say, and the options for it.
func (a *access) follow(o *server.Options) {
	a.allowed.Store(&credentials{o.Username, o.Password, o.Authorization})
	o.CustomClientAuthentication = a
	o.ServerName = interest.ServerName(o.ServerName)
}

// credentials returns what is asked for now; the access may be nil.
func (a *access) credentials() *credentials {
	if a == nil {
		return nil
	}
	return a.allowed.Load()
}

// reload calls do, while nats-server reads its options again; the access may be nil.
func (a *access) reload(do func() error) error {
	if a != nil {
		a.reloading.Store(true)
		defer a.reloading.Store(false)
	}
	return do()
}

// restore has the access ask for earlier credentials; it may be nil.
func (a *access) restore(c *credentials) {
	if a != nil {
		a.allowed.Store(c)
	}
}

// Check implements server.Authentication.
func (a *access) Check(c server.ClientAuthentication) bool {
	given := c.GetOpts()
	if given.Token != "" && equal(a.own, given.Token) {
		c.RegisterUser(&server.User{})
		return true
	}
	want := a.allowed.Load()
	switch {
	case want.token != "":
		if !matches(want.token, given.Token) {
			return false
		}
	case want.user != "" || want.password != "":
		if !equal(want.user, given.Username) || !matches(want.password, given.Password) {
			return false
		}
	}
	if !a.enter(c.GetID(), !a.reloading.Load()) {
		// An authenticator can only deny, which a node takes for a matter of its
		// credentials. An account that is full says what is the matter, and ends the
		// connection.
		c.RegisterUser(&server.User{Account: a.full})
		return false
	}
	c.RegisterUser(everybody)
	return true
}

// fullAccount makes an account that has as many connections as it may have: none.
func fullAccount(s *server.Server) (*server.Account, error) {
	account, err := s.RegisterAccount("full")
	if err != nil {
		return nil, err
	}
	claims := jwt.NewAccountClaims("full")
	claims.Limits.Conn = 0
	s.UpdateAccountClaims(account, claims)
	return account, nil
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// bcrypted is a password that nats-server takes for a hash.
var bcrypted = regexp.MustCompile(`^\$2[abxy]\$\d{2}\$`)

// matches reports whether a password is the expected one, which a configuration
// file may give as a hash.
func matches(want, given string) bool {
	if bcrypted.MatchString(want) {
		return bcrypt.CompareHashAndPassword([]byte(want), []byte(given)) == nil
	}
	return equal(want, given)
}
