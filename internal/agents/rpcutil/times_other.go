//go:build !unix

package rpcutil

import "mcollective/value"

// times is not known here; commands of Ruby's want numbers all the same.
func times() *value.Map {
	return value.NewMap(
		value.Symbol("utime"), 0.0, value.Symbol("stime"), 0.0,
		value.Symbol("cutime"), 0.0, value.Symbol("cstime"), 0.0,
	)
}
