package plugins

import (
	"crypto/tls"
	"fmt"
	"strings"
)

// cipherSuites reads a list of cipher names as OpenSSL or the TLS standard
// writes them, separated by colons or commas. They matter for TLS 1.2 only.
func cipherSuites(text string) ([]uint16, error) {
	known := map[string]uint16{}
	for _, s := range tls.CipherSuites() {
		known[s.Name] = s.ID
		known[openSSLName(s.Name)] = s.ID
	}
	var ids []uint16
	for name := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ':' || r == ',' || r == ' ' }) {
		id, ok := known[strings.ToUpper(name)]
		if !ok {
			return nil, fmt.Errorf("cipher %q is unknown or not safe; name TLS 1.2 ciphers such as ECDHE-RSA-AES256-GCM-SHA384, or leave the key out", name)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// openSSLName is TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 as OpenSSL spells it.
func openSSLName(name string) string {
	name = strings.TrimPrefix(name, "TLS_")
	name = strings.Replace(name, "_WITH_", "_", 1)
	name = strings.ReplaceAll(name, "AES_128", "AES128")
	name = strings.ReplaceAll(name, "AES_256", "AES256")
	name = strings.TrimSuffix(strings.ReplaceAll(name, "CHACHA20_POLY1305_SHA256", "CHACHA20_POLY1305"), "_")
	return strings.ReplaceAll(name, "_", "-")
}
