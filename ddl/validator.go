//lint:file-ignore ST1005 these are Ruby's texts, which callers see

package ddl

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// validatorNames returns the validators that Ruby comes with and those of plugins
// that are widely used. Anyone who publishes another writes it as a regular
// expression.
func validatorNames() []string {
	return []string{"shellsafe", "ipv4address", "ipv6address", "ipaddress", "service_name", "package_name",
		"puppet_server_address", "puppet_tags", "puppet_variable", "puppet_resource", "nettest_fqdn", "nettest_server_address", "exim_msgid",
		"string", "boolean", "integer", "float", "number"}
}

func knownValidator(name string) bool { return slices.Contains(validatorNames(), name) }

// validate judges a value by a validator, with the texts of those in Ruby.
func validate(name string, v any) error {
	switch Type(name) {
	case String, Boolean, Integer, Float, Number:
		if !isType(v, Type(name)) {
			return wrongType(name)
		}
		return nil
	}
	t, isText := textOf(v)
	switch strings.ToLower(name) {
	case "shellsafe":
		if !isText {
			return wrongType("String")
		}
		return shellSafe(t)
	case "ipv4address":
		if a := parseAddress(t.bytes); !a.IsValid() || !a.Is4() {
			return errors.New("value should be an ipv4 address")
		}
		return nil
	case "ipv6address":
		if a := parseAddress(t.bytes); !a.IsValid() || a.Is4() {
			return errors.New("value should be an ipv6 address")
		}
		return nil
	case "ipaddress":
		if !parseAddress(t.bytes).IsValid() {
			return errors.New("value should be an IP address")
		}
		return nil
	case "service_name":
		return onlyOf(v, ".-_:@", "is not a valid service name")
	case "package_name":
		return onlyOf(v, ".-_", "is not a valid package name")
	case "nettest_fqdn":
		if a := parseAddress(t.bytes); a.IsValid() && a.Is4() || isHostname(t.bytes, false) {
			return nil
		}
		return errors.New("value should be a valid fqdn")
	case "puppet_server_address", "puppet_tags", "puppet_variable", "puppet_resource", "nettest_server_address", "exim_msgid":
		if !isText {
			return wrongType(string(String))
		}
		return validateText(strings.ToLower(name), t)
	case "array", "length", "regex", "typecheck":
		return errors.New("wrong number of arguments (given 1, expected 2)")
	}
	return fmt.Errorf("Unknown validator: '%s'.", name)
}

func validateText(name string, t text) error {
	switch name {
	case "puppet_resource":
		if !isResource(t.bytes) {
			return fmt.Errorf("'%s' is not a valid resource name", t.bytes)
		}
		return nil
	case "exim_msgid":
		if matches(`\w{6}-\w{6}-\w{2}`, t) != nil {
			return errors.New("Not a valid Exim Message ID")
		}
		return nil
	}
	if err := shellSafe(t); err != nil {
		return err
	}
	switch name {
	case "puppet_variable":
		return variable(t.bytes)
	case "puppet_tags":
		for tag := range strings.SplitSeq(t.bytes, ",") {
			parts := strings.Split(tag, "::")
			for len(parts) > 0 && parts[len(parts)-1] == "" {
				parts = parts[:len(parts)-1] // as Ruby's split does
			}
			for _, part := range parts {
				if err := variable(part); err != nil {
					return err
				}
			}
		}
		return nil
	}
	parts := strings.Split(t.bytes, ":")
	for len(parts) > 0 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	if name == "nettest_server_address" {
		return testAddress(t.bytes, parts)
	}
	if !strings.Contains(t.bytes, "/") && isAddressAndPort(t.bytes) {
		return nil
	}
	if len(parts) > 0 && !isHostname(parts[0], false) {
		return fmt.Errorf("The hostname '%s' is not a valid hostname", parts[0])
	}
	if len(parts) > 1 && !isDigits(parts[1]) {
		return fmt.Errorf("The port '%s' is not a valid puppet master port", parts[1])
	}
	return nil
}

// isAddressAndPort holds for an IP address, in brackets if it has colons and a
// port follows.
func isAddressAndPort(s string) bool {
	if parseAddress(s).IsValid() {
		return true
	}
	i := strings.LastIndexByte(s, ':')
	return i > 0 && isDigits(s[i+1:]) && (s[0] == '[' || !strings.Contains(s[:i], ":")) && parseAddress(s[:i]).IsValid()
}

func testAddress(all string, parts []string) error {
	switch {
	case len(parts) < 2:
		return fmt.Errorf("The address '%s' must include both a hostname and port", all)
	case !isHostname(parts[0], true):
		return fmt.Errorf("The hostname '%s' is not a valid hostname", parts[0])
	case !isDigits(parts[1]):
		return fmt.Errorf("The port '%s' is not a valid port", parts[1])
	}
	return nil
}

// shellSafe refuses what a shell would make more of than a word, as far as Ruby
// does: it lets quotes, brackets, line breaks and single ampersands through, so
// it makes no text fit for a shell.
func shellSafe(t text) error {
	if t.encoding == utf8Name && !utf8.ValidString(t.bytes) {
		return errors.New("invalid byte sequence in UTF-8")
	}
	if _, err := t.characters(""); err != nil {
		return err
	}
	for _, s := range [...]string{"`", "$", ";", "|", "&&", ">", "<"} {
		if strings.Contains(t.bytes, s) {
			return fmt.Errorf("value should not have %s in it", s)
		}
	}
	return nil
}

// onlyOf judges texts of letters, digits and some other characters.
func onlyOf(v any, others, complaint string) error {
	t, ok := textOf(v)
	if !ok || t.bytes == "" {
		return fmt.Errorf("%s %s", rubyText(v), complaint)
	}
	for i := range len(t.bytes) {
		if c := t.bytes[i]; !isAlnum(c) && !strings.Contains(others, string(rune(c))) {
			return fmt.Errorf("%s %s", t.bytes, complaint)
		}
	}
	return nil
}

func isAlnum(c byte) bool { return isLetter(c) || c >= '0' && c <= '9' }

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func variable(s string) error {
	ok := s != "" && (len(s) > 1 || isLetter(s[0]))
	for i := range len(s) {
		ok = ok && (isAlnum(s[i]) || s[i] == '_')
	}
	if !ok {
		return fmt.Errorf("Invalid variable name '%s' specified", s)
	}
	return nil
}

// isResource holds for a reference like File[/etc/hosts].
func isResource(s string) bool {
	kind, title, ok := strings.Cut(s, "[")
	if !ok || kind == "" || len(title) < 2 || !strings.HasSuffix(title, "]") || strings.Contains(title, "\n") {
		return false
	}
	for i := range len(kind) {
		if !isAlnum(kind[i]) && kind[i] != '_' {
			return false
		}
	}
	return true
}

// isHostname holds for labels between dots that begin with a letter, or a digit
// if that is allowed, and end with either.
func isHostname(s string, digitFirst bool) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || !isAlnum(label[len(label)-1]) || !isLetter(label[0]) && !(digitFirst && isAlnum(label[0])) {
			return false
		}
		for i := range len(label) {
			if !isAlnum(label[i]) && label[i] != '-' {
				return false
			}
		}
	}
	return true
}
