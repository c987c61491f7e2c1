package psk

import (
	"fmt"
	"strings"
)

// EnvSecret is the environment variable that goes before the configuration.
const EnvSecret = "MCOLLECTIVE_PSK"

// weakSecret is the length in bytes under which a secret is warned of: one
// captured message is enough to try guesses at the speed of MD5.
const weakSecret = 20

// known holds the secrets that are not secret: what packages ship, what guides
// print, and what people type first. All in lower case.
var known = [...]string{
	"unset", "changeme", "change_me", "change-me", "mcollective", "marionette", "puppet", "choria", "secret",
	"password", "psk", "presharedkey", "pre-shared-key", "a pre shared key", "abcdefghj", "klot2oj2ked2tayn3hu5on7l",
}

// SecretFromEnv returns the secret to use: what MCOLLECTIVE_PSK holds when it is
// set, even when it is set to nothing, and configured otherwise. lookup is
// os.LookupEnv.
func SecretFromEnv(lookup func(string) (string, bool), configured string) string {
	if s, ok := lookup(EnvSecret); ok {
		return s
	}
	return configured
}

// checkSecret refuses secrets that everybody knows. The secret itself is in no
// error, unless it is one of those.
func checkSecret(secret string) error {
	s := strings.ToLower(strings.TrimSpace(secret))
	if s == "" {
		return fmt.Errorf("the pre-shared key is empty: set plugin.psk, or %s, to a long random text", EnvSecret)
	}
	for _, k := range known {
		if s == k {
			return fmt.Errorf("the pre-shared key is %q, which everybody knows: set plugin.psk, or %s, to a long random text", k, EnvSecret)
		}
	}
	return nil
}

// warnings tells what is weak about a secret that passed checkSecret.
func warnings(secret string) []string {
	w := []string{"security provider psk: anyone who holds the pre-shared key, and every node does, can call as anybody; " +
		"only bodies are signed, nothing is encrypted (see docs/security.md)"}
	if len(secret) < weakSecret {
		w = append(w, fmt.Sprintf("the pre-shared key has %d bytes, which one captured message lets others guess: use at least %d random ones",
			len(secret), weakSecret))
	}
	return w
}
