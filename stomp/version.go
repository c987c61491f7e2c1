package stomp

import (
	"fmt"
	"strings"
)

// A Version is a version of the protocol. It decides how header fields are
// escaped and where lines may end.
type Version uint8

const (
	// V10 has no escapes and no heart-beats.
	V10 Version = iota + 1
	// V11 escapes backslash, colon and line feed.
	V11
	// V12 escapes carriage return too and lets lines end in CR LF.
	V12

	// everywhere is the notation of RabbitMQ, which escapes as in 1.2 in all
	// versions and all frames.
	everywhere
)

// String returns the version's name on the wire.
func (v Version) String() string {
	switch v {
	case V10:
		return "1.0"
	case V11:
		return "1.1"
	case V12:
		return "1.2"
	case everywhere:
		return "any version"
	}
	return fmt.Sprintf("version %d", uint8(v))
}

// ParseVersion reads one version as the version header of CONNECTED spells it.
// A broker that says nothing speaks 1.0.
func ParseVersion(s string) (Version, error) {
	switch strings.TrimSpace(s) {
	case "", "1.0":
		return V10, nil
	case "1.1":
		return V11, nil
	case "1.2":
		return V12, nil
	}
	return 0, fmt.Errorf("stomp: no such version: %.20q", s)
}

// acceptVersion spells the accept-version header.
func acceptVersion(versions []Version) string {
	names := make([]string, len(versions))
	for i, v := range versions {
		names[i] = v.String()
	}
	return strings.Join(names, ",")
}
