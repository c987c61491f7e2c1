package aes

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"mcollective/security/internal/armor"
)

// A cipherKind is a cipher of Ruby's ssl_cipher, by the bytes of its key.
type cipherKind int

// ciphers are those that a configuration may name.
var ciphers = map[string]cipherKind{"aes-128-cbc": 16, "aes-192-cbc": 24, "aes-256-cbc": 32}

// rounds is how often Ruby's derivation of keys takes the MD5 sum.
const rounds = 2048

// block makes the cipher and its initial vector from a session key: OpenSSL's
// EVP_BytesToKey without salt. Since the key is random, that it is a poor way to make one
// of a password does no harm.
func (k cipherKind) block(session []byte) (cipher.Block, []byte, error) {
	var derived, sum []byte
	for len(derived) < int(k)+aes.BlockSize {
		sum = append(sum, session...)
		for range rounds {
			next := md5.Sum(sum)
			sum = append(sum[:0], next[:]...)
		}
		derived = append(derived, sum...)
	}
	b, err := aes.NewCipher(derived[:k])
	return b, derived[k : int(k)+aes.BlockSize], err
}

// newSession makes a session key.
func (k cipherKind) newSession() []byte {
	key := make([]byte, k)
	_, _ = rand.Read(key) // never fails
	return key
}

// encipher enciphers a serialized body with a session key.
func (k cipherKind) encipher(session, body []byte) (string, error) {
	b, iv, err := k.block(session)
	if err != nil {
		return "", err
	}
	pad := aes.BlockSize - len(body)%aes.BlockSize
	data := slices.Grow(slices.Clone(body), pad)
	for range pad {
		data = append(data, byte(pad))
	}
	cipher.NewCBCEncrypter(b, iv).CryptBlocks(data, data)
	return armor.Encode(data), nil
}

// errSealed is all that is said of a body that cannot be opened, whatever it is that was
// wrong: somebody who is told more of it could ask until the key is known.
var errSealed = errors.New("it cannot be opened: meant for another key, or changed on the way")

// decipher opens a body. It takes as long whatever the padding is.
func (k cipherKind) decipher(session []byte, text string) (string, error) {
	data, err := armor.Decode(text)
	if err != nil || len(data) == 0 || len(data)%aes.BlockSize != 0 {
		return "", errSealed // said by the text itself, before any key
	}
	b, iv, err := k.block(session)
	if err != nil {
		return "", err
	}
	cipher.NewCBCDecrypter(b, iv).CryptBlocks(data, data)
	pad := int(data[len(data)-1])
	good := subtle.ConstantTimeLessOrEq(1, pad) & subtle.ConstantTimeLessOrEq(pad, aes.BlockSize)
	for i := 1; i <= aes.BlockSize; i++ {
		inside := subtle.ConstantTimeLessOrEq(i, pad)
		good &= subtle.ConstantTimeSelect(inside, subtle.ConstantTimeByteEq(data[len(data)-i], byte(pad)), 1)
	}
	if good != 1 {
		return "", errSealed
	}
	return string(data[:len(data)-pad]), nil
}

// seal enciphers a session key with the private key of a caller, so that everybody who
// has the public one can open it: what Ruby calls a signature.
func seal(key *rsa.PrivateKey, session []byte) (string, error) {
	block, err := rsa.SignPKCS1v15(rand.Reader, key, 0, session)
	if err != nil {
		return "", err
	}
	return armor.Encode(block), nil
}

// unseal opens a session key with the public key of a caller, and returns it and the
// block in which it came, which only the private key can make.
func (k cipherKind) unseal(key *rsa.PublicKey, text string) (session []byte, block string, err error) {
	sealed, err := armor.Decode(text)
	if err != nil || len(sealed) != key.Size() {
		return nil, "", errSealed
	}
	c := new(big.Int).SetBytes(sealed)
	if c.Cmp(key.N) >= 0 {
		return nil, "", errSealed
	}
	padded := new(big.Int).Exp(c, big.NewInt(int64(key.E)), key.N).FillBytes(make([]byte, key.Size()))
	// 00 01 FF...FF 00 and the key: its place is known, and the library looks at the rest.
	session = padded[len(padded)-int(k):]
	if rsa.VerifyPKCS1v15(key, 0, session, sealed) != nil {
		return nil, "", errSealed
	}
	return session, string(sealed), nil
}

// sealFor enciphers a session key for the owner of a public key.
func sealFor(key *rsa.PublicKey, session []byte) (string, error) {
	//lint:ignore SA1019 it is what Ruby's clients can open
	block, err := rsa.EncryptPKCS1v15(rand.Reader, key, session)
	if err != nil {
		return "", err
	}
	return armor.Encode(block), nil
}

// unsealOurs opens a session key with the private key that it was made for. Of one that is not
// well made it returns another, random one, in the same time: that nothing can be opened
// with it shows only later, and the same way as if the body were wrong.
func (k cipherKind) unsealOurs(key *rsa.PrivateKey, text string) ([]byte, error) {
	block, err := armor.Decode(text)
	if err != nil || len(block) != key.Size() {
		return nil, errSealed // said by the text itself
	}
	session := k.newSession()
	//lint:ignore SA1019 it is what Ruby's nodes send
	if err := rsa.DecryptPKCS1v15SessionKey(rand.Reader, key, block, session); err != nil {
		return nil, errSealed // likewise: too large for the key
	}
	return session, nil
}

// cipherOf finds a cipher by its name; "" is Ruby's default.
func cipherOf(name string) (cipherKind, error) {
	if name == "" {
		name = "aes-256-cbc"
	}
	if k, ok := ciphers[name]; ok {
		return k, nil
	}
	return 0, fmt.Errorf("aes: there is no cipher %q: use aes-128-cbc, aes-192-cbc or aes-256-cbc", name)
}
