package emulator

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	mathrand "math/rand/v2"
	"strings"
	"sync"
)

// tokenAlphabet has 64 characters, the ones that occur in Salesforce's tokens.
const tokenAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._"

// mint returns n random characters of tokenAlphabet, 6 bits each.
func (s *Server) mint(n int) string { return s.mintAfter("", n) }

func (s *Server) mintAfter(prefix string, n int) string {
	var room [128]byte
	b := append(room[:0], prefix...)
	for range n {
		b = append(b, 0)
	}
	fresh := b[len(prefix):]
	s.random.read(fresh)
	for i := range fresh {
		fresh[i] = tokenAlphabet[fresh[i]&63]
	}
	return string(b)
}

// The shapes below are Salesforce's, because clients check them, and say EMULATOR, because a person reads them. Their lengths
// differ, as nobody promises any.

func (s *Server) mintAccessToken(orgID string) string {
	return s.mintAfter(id15(orgID)+"!EMULATOR.", 72+s.random.below(16))
}

func (s *Server) mintRefreshToken() string {
	return s.mintAfter("5Aep861EMULATOR.", 56+s.random.below(16))
}

func (s *Server) mintCode() string { return s.mintAfter("aPrxEMULATOR.", 64) + "==" }

// random is where tokens come from: the same again for the same seed, or unpredictable for 0.
type random struct {
	mu         sync.Mutex
	source     mathrand.ChaCha8
	repeatable bool
	steady     bool
}

func newRandom(seed uint64, steady bool) *random {
	var key [32]byte
	if seed == 0 {
		_, _ = rand.Read(key[:]) // never fails
	}
	binary.LittleEndian.PutUint64(key[:], binary.LittleEndian.Uint64(key[:])^seed)
	return &random{source: *mathrand.NewChaCha8(key), repeatable: seed != 0, steady: steady}
}

func (r *random) read(p []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = r.source.Read(p) // never fails
}

// below returns a number from 0 to n-1 for what may differ from one answer to the next; n is at most 256. A steady source
// always returns the last one, which leaves lists as they are.
func (r *random) below(n int) int {
	if r.steady {
		return n - 1
	}
	var b [1]byte
	r.read(b[:])
	return int(b[0]) * n / 256
}

// mark remembers what comes next, for rewind.
func (r *random) mark() mathrand.ChaCha8 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.source
}

// rewind lets what followed the mark come again, if there is a seed.
func (r *random) rewind(to mathrand.ChaCha8) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.repeatable {
		r.source = to
	}
}

// Fingerprint is how secrets appear in the journal and in logs: "sha256:" and 8 hexadecimal digits.
func Fingerprint(secret string) string {
	if secret == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(secret))
	return string(hex.AppendEncode([]byte("sha256:"), sum[:4]))
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
