package ddl

import (
	"math/bits"
	"net/netip"
	"strconv"
	"strings"
)

// parseAddress reads what Ruby's IPAddr does: an address, perhaps in brackets or
// with a zone if it is of version 6, and perhaps with a prefix length or mask.
// The result is not valid for anything else.
func parseAddress(s string) netip.Addr {
	address, mask, masked := strings.Cut(s, "/")
	inner, bracketed := strings.CutPrefix(address, "[")
	if bracketed {
		if address, bracketed = strings.CutSuffix(inner, "]"); !bracketed {
			return netip.Addr{}
		}
	}
	address, zone, zoned := strings.Cut(address, "%")
	if zoned && (zone == "" || !isZone(zone)) {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(address)
	if err != nil || a.Is4() && (bracketed || zoned) || masked && !isMask(mask, a) {
		return netip.Addr{}
	}
	return a
}

func isZone(s string) bool {
	for i := range len(s) {
		if !isAlnum(s[i]) && s[i] != '_' {
			return false
		}
	}
	return true
}

// isMask holds for the length of a prefix, and for a mask whose ones come first.
func isMask(s string, a netip.Addr) bool {
	if isDigits(s) {
		n, err := strconv.Atoi(s)
		return err == nil && n <= a.BitLen() && (s == "0" || s[0] != '0')
	}
	m, err := netip.ParseAddr(s)
	if err != nil || m.BitLen() != a.BitLen() || m.Zone() != "" {
		return false
	}
	ones, ended := 0, false
	for _, b := range m.AsSlice() {
		n := bits.LeadingZeros8(^b)
		if ended && b != 0 || n != bits.OnesCount8(b) {
			return false
		}
		ones += n
		ended = n < 8
	}
	return ones > 0 || m.IsUnspecified()
}
