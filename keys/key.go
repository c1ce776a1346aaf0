package keys

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/sftoken/sftoken/store"
)

// Size is the length of a key in bytes.
const Size = 32

// A sealed text is
//
//	89 's' 'f' 't' | version 1 | key id, 4 bytes | nonce, 12 bytes | AES-256-GCM ciphertext and tag
//
// and what is authenticated with it is the first 9 bytes followed by the caller's associated data.
const (
	magic      = "\x89sft" // no text begins like this
	version    = 1
	idSize     = 4
	headerSize = len(magic) + 1 + idSize
)

// Overhead is by how many bytes a sealed text is longer than the plaintext.
const Overhead = headerSize + 12 + 16

// key is one key of a Set.
//
// Nonces are random, so one key may seal 2^32 texts (NIST SP 800-38D, 8.3): a save a second for 136 years.
type key struct {
	id   [idSize]byte
	aead cipher.AEAD
}

func randomBytes() []byte {
	raw := make([]byte, Size)
	_, _ = rand.Read(raw) // never fails: it ends the program instead
	return raw
}

func newKey(raw []byte) (*key, error) {
	if len(raw) != Size {
		return nil, fmt.Errorf("read key: it has %d bytes instead of %d", len(raw), Size)
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	k := &key{aead: aead}
	// The id is a function of the key, so that a wrong key in the right place is noticed before anything is read with it.
	mac := hmac.New(sha256.New, raw)
	mac.Write([]byte("sftoken key id"))
	copy(k.id[:], mac.Sum(nil))
	return k, nil
}

// name is the key's id, 8 hexadecimal digits, which tell nothing about it.
func (k *key) name() string { return hex.EncodeToString(k.id[:]) }

func (k *key) seal(plaintext, associated []byte) []byte {
	out := make([]byte, headerSize, len(plaintext)+Overhead)
	copy(out, magic)
	out[len(magic)] = version
	copy(out[len(magic)+1:], k.id[:])
	return k.aead.Seal(out, nil, plaintext, bind(out[:headerSize], associated))
}

// open decrypts a text that this key has sealed.
func (k *key) open(sealed, associated []byte) ([]byte, error) {
	plaintext, err := k.aead.Open(nil, nil, sealed[headerSize:], bind(sealed[:headerSize], associated))
	if err != nil {
		return nil, undecryptable(store.ErrDamaged, "damaged (changed, cut off, or moved here from elsewhere)", "")
	}
	return plaintext, nil
}

// SealedWith returns the id of the key that sealed a text, of which the first 9 bytes are enough.
func SealedWith(sealed []byte) (id string, err error) {
	switch {
	case len(sealed) == 0:
		return "", undecryptable(store.ErrDamaged, "damaged (empty)", "")
	case len(sealed) < headerSize:
		return "", undecryptable(store.ErrDamaged, "damaged (cut off)", "")
	case string(sealed[:len(magic)]) != magic:
		return "", undecryptable(store.ErrDamaged, "damaged (not an encrypted file of sftoken)", "")
	case sealed[len(magic)] == 0:
		return "", undecryptable(store.ErrDamaged, "damaged (no format version)", "")
	case sealed[len(magic)] > version:
		return "", undecryptable(store.ErrNewerFormat, fmt.Sprintf("encrypted in format %d by a newer version, this one knows format %d",
			sealed[len(magic)], version), "update sftoken")
	}
	return hex.EncodeToString(sealed[len(magic)+1 : headerSize]), nil
}

func undecryptable(kind error, detail, mend string) error {
	return &store.Error{Op: "decrypt", Kind: kind, Detail: detail, Mend: mend}
}

func bind(header, associated []byte) []byte {
	return append(append(make([]byte, 0, len(header)+len(associated)), header...), associated...)
}
