package emulator

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"strings"
	"sync"
)

// tokenAlphabet has 64 characters, the ones that occur in Salesforce's tokens.
const tokenAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._"

// mint returns n random characters of tokenAlphabet, 6 bits each.
func (s *Server) mint(n int) string {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.random, b); err != nil {
		panic(err) // neither source can fail
	}
	for i := range b {
		b[i] = tokenAlphabet[b[i]&63]
	}
	return string(b)
}

// The shapes below are Salesforce's, because clients check them, and say EMULATOR, because a person reads them.

func (s *Server) mintAccessToken(orgID string) string {
	return id15(orgID) + "!EMULATOR." + s.mint(87)
}

func (s *Server) mintRefreshToken() string { return "5Aep861EMULATOR." + s.mint(71) }

func (s *Server) mintCode() string { return "aPrxEMULATOR." + s.mint(64) + "==" }

// newRandom returns a random source: a repeatable one for a seed, the system's for 0.
func newRandom(seed uint64) io.Reader {
	if seed == 0 {
		return rand.Reader
	}
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	return &seeded{source: mathrand.NewChaCha8(key)}
}

type seeded struct {
	mu     sync.Mutex
	source *mathrand.ChaCha8
}

func (r *seeded) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.source.Read(p)
}

// Fingerprint is how secrets appear in the journal and in logs: "sha256:" and 8 hexadecimal digits.
func Fingerprint(secret string) string {
	if secret == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(secret))
	return "sha256:" + hex.EncodeToString(sum[:4])
}

// id15 is the case-sensitive form of a Salesforce id.
func id15(id string) string { return id[:min(15, len(id))] }

// id18 appends the three characters that make a 15-character id safe to compare without regard to case.
func id18(id string) string {
	id = id15(id)
	suffix := make([]byte, 0, 3)
	for block := 0; block+5 <= len(id); block += 5 {
		bits := 0
		for i := range 5 {
			if c := id[block+i]; 'A' <= c && c <= 'Z' {
				bits |= 1 << i
			}
		}
		suffix = append(suffix, "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[bits])
	}
	return id + string(suffix)
}

func checkID(id, prefix string) error {
	alphanumeric := strings.Trim(id, tokenAlphabet[:62]) == ""
	switch {
	case !strings.HasPrefix(id, prefix) || !alphanumeric || (len(id) != 15 && len(id) != 18):
		return fmt.Errorf("%q: want %s and 12 or 15 letters and digits", id, prefix)
	case len(id) == 18 && id != id18(id):
		return fmt.Errorf("%q: the last three characters do not fit the first fifteen: want %s", id, id18(id))
	}
	return nil
}
