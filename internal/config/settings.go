package config

import (
	"sort"
	"strings"
)

// A Setting is one key for showing.
type Setting struct {
	Key    string // as in the file, "plugin." included
	Value  string // as in the file; "(secret)" for secrets
	Origin Origin // zero for a default
}

// Redacted lists every top-level key with its value in force, then the plugin
// keys that are set, sorted by name. No secret is in it.
func (c *Config) Redacted() []Setting {
	list := make([]Setting, 0, len(keys)+len(c.plugin))
	for _, r := range keys {
		list = append(list, Setting{r.name, r.show(c), c.origins[r.name]})
	}
	n := len(list)
	for name, v := range c.plugin {
		list = append(list, Setting{"plugin." + name, shown(name, v.text), v.origin})
	}
	sort.Slice(list[n:], func(i, j int) bool { return list[n+i].Key < list[n+j].Key })
	return list
}

// Get returns the value in force of a key as a file would say it; plugin keys have
// "plugin." in front. ok is false for an unknown key and for a plugin key that
// is not set. Secrets are given; Redacted is for showing.
func (c *Config) Get(name string) (text string, ok bool) {
	if p, isPlugin := strings.CutPrefix(name, "plugin."); isPlugin {
		return c.Plugin(p)
	}
	if r := rows[name]; r != nil && r.field != nil {
		return r.show(c), true
	}
	return "", false
}

// Public returns the value of a key that anybody may know, as Ruby's daemon has it, in the
// types of package value. No secret is among them.
func (c *Config) Public(name string) (given any, ok bool) {
	if r := rows[name]; r != nil && r.public {
		return r.given(c), true
	}
	return nil, false
}

// AllPublic returns the values of all keys that anybody may know.
func (c *Config) AllPublic() map[string]any {
	all := make(map[string]any, len(keys))
	for _, r := range keys {
		if r.public {
			all[r.name] = r.given(c)
		}
	}
	return all
}

// Origin returns where the value of a key was written; plugin keys have "plugin." in
// front. It is the zero Origin for a default.
func (c *Config) Origin(name string) Origin {
	if p, ok := strings.CutPrefix(name, "plugin."); ok {
		return c.plugin[p].origin
	}
	return c.origins[name]
}

// hidden stands for a secret.
const hidden = "(secret)"

// shown returns a plugin value that may be shown to anybody.
func shown(name, text string) string {
	if secret(name, text) {
		return hidden
	}
	return hideUserinfo(name, text)
}

func holdsSecret(name, text string) bool { return shown(name, text) != text }

// secret holds for the plugin keys whose value must not be shown. The plugins of
// others are unknown, so the last word of the key decides; the path of a file
// that holds a secret is none itself.
func secret(name, text string) bool {
	last := lastWord(name)
	if strings.HasPrefix(last, "prompt_") || strings.Contains(last, "pubkey") {
		return false
	}
	for _, word := range []string{"password", "passwd", "passcode", "passphrase", "secret", "token", "seed", "api_key", "apikey"} {
		if strings.Contains(last, word) {
			return true
		}
	}
	for _, word := range []string{"key", "private", "credential", "creds"} {
		if strings.Contains(last, word) {
			return !strings.HasPrefix(text, "/")
		}
	}
	return last == "psk"
}

// hideUserinfo replaces user and password in a list of servers.
func hideUserinfo(name, text string) string {
	last := lastWord(name)
	if !strings.Contains(last, "server") && !strings.Contains(last, "url") && !strings.Contains(last, "host") {
		return text
	}
	list := strings.Split(text, ",")
	for i, server := range list {
		at := strings.LastIndexByte(server, '@')
		if at < 0 {
			continue
		}
		scheme, _, ok := strings.Cut(server[:at], "://")
		if ok {
			scheme += "://"
		} else {
			scheme = server[:len(server)-len(strings.TrimLeft(server, space))]
		}
		list[i] = scheme + hidden + server[at:]
	}
	return strings.Join(list, ",")
}

func lastWord(name string) string {
	return strings.ToLower(name[strings.LastIndexByte(name, '.')+1:])
}
