package message

import (
	"crypto/rand"
	"encoding/hex"
)

// NewID makes the ID of a request: 32 hexadecimal digits that nobody can guess.
//
// It looks like the ids of Ruby clients, a version 5 UUID without its dashes, but
// 122 of its 128 bits are random.
func NewID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	b[6] = b[6]&0x0f | 0x50
	b[8] = b[8]&0x3f | 0x80
	return hex.EncodeToString(b[:])
}
