//go:build !unix

package plainfile

const flags = 0
