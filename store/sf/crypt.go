package sf

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strings"
)

// key is sf's key: AES-256-GCM without associated data. A value is <nonce><ciphertext in hex>:<tag in hex>.
//
// The length of the key tells the version (core: crypto.ts, KEY_SIZE). Version 1 takes the 32 hexadecimal digits themselves
// as the key's 32 bytes, and 12 digits as the 12 bytes of the nonce. Version 2 decodes both.
type key struct {
	aead    cipher.AEAD
	version int
}

var (
	errKeyForm  = errors.New("neither 32 nor 64 hexadecimal digits")
	errForm     = errors.New("not in the form that sf encrypts in")
	errOtherKey = errors.New("not encrypted with this key")
	nonceDigits = map[int]int{1: 12, 2: 24}
	tagDigits   = 32
)

func parseKey(text string) (*key, error) {
	k := &key{version: 1}
	raw := []byte(text)
	decoded, err := hex.DecodeString(text)
	switch {
	case err != nil:
		return nil, errKeyForm
	case len(decoded) == 32:
		k.version, raw = 2, decoded
	case len(decoded) != 16:
		return nil, errKeyForm
	}
	block, err := aes.NewCipher(raw)
	if err == nil {
		k.aead, err = cipher.NewGCM(block)
	}
	return k, err
}

// encrypted tells a value of this form from one that an early sf wrote in the clear.
func encrypted(value string) bool {
	body, tag, found := strings.Cut(value, ":")
	return found && len(tag) == tagDigits && len(body) >= nonceDigits[1]
}

func (k *key) open(value string) (string, error) {
	if !encrypted(value) {
		return value, nil
	}
	body, tag, _ := strings.Cut(value, ":")
	if len(body) < nonceDigits[k.version] {
		return "", errForm
	}
	nonce := []byte(body[:nonceDigits[k.version]])
	text, err := hex.DecodeString(body[len(nonce):] + tag)
	if err != nil {
		return "", errForm
	}
	if k.version == 2 {
		if nonce, err = hex.DecodeString(string(nonce)); err != nil {
			return "", errForm
		}
	}
	plain, err := k.aead.Open(nil, nonce, text, nil)
	if err != nil {
		return "", errOtherKey
	}
	return string(plain), nil
}

func (k *key) seal(plain string) string {
	random := make([]byte, nonceDigits[k.version]/2)
	_, _ = rand.Read(random) // never fails
	digits := hex.EncodeToString(random)
	nonce := random
	if k.version == 1 {
		nonce = []byte(digits)
	}
	text := hex.EncodeToString(k.aead.Seal(nil, nonce, []byte(plain), nil))
	return digits + text[:len(text)-tagDigits] + ":" + text[len(text)-tagDigits:]
}
