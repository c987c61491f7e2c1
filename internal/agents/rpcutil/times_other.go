//go:build !unix

package rpcutil

import "mcollective/marshal"

// times is not known here; commands of Ruby's want numbers all the same.
func times() *marshal.Hash {
	return marshal.NewHash(
		marshal.Symbol("utime"), 0.0, marshal.Symbol("stime"), 0.0,
		marshal.Symbol("cutime"), 0.0, marshal.Symbol("cstime"), 0.0,
	)
}
