package keys

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/sftoken/sftoken/store"
)

func TestSealOpen(t *testing.T) {
	t.Parallel()
	key := Generate()
	for _, plaintext := range []string{"", "x", strings.Repeat("secret", 1000)} {
		sealed := key.Seal([]byte(plaintext), []byte("label"))
		if len(sealed) != len(plaintext)+Overhead {
			t.Errorf("%d bytes sealed are %d, want %d more", len(plaintext), len(sealed), Overhead)
		}
		got, err := key.Open(sealed, []byte("label"))
		if err != nil || string(got) != plaintext {
			t.Errorf("Open = %d bytes, %v; want %d bytes", len(got), err, len(plaintext))
		}
		if _, err := key.Open(sealed, []byte("another")); !errors.Is(err, store.ErrDamaged) {
			t.Errorf("Open with another label: %v, want ErrDamaged", err)
		}
		if _, err := Generate().Open(sealed, []byte("label")); !errors.Is(err, ErrKeyLost) {
			t.Errorf("Open with another key: %v, want ErrKeyLost", err)
		}
		if bytes.Equal(sealed, key.Seal([]byte(plaintext), []byte("label"))) {
			t.Error("the same text sealed twice gives the same bytes")
		}
	}
}

// The format is fixed: what an older version has sealed must open for ever (B-25).
func TestFormatIsFixed(t *testing.T) {
	t.Parallel()
	seven, err := newKey(bytes.Repeat([]byte{7}, Size))
	if err != nil {
		t.Fatal(err)
	}
	key := setOf(seven)
	const golden = "iXNmdAGVfEAuiNkFXASgz+1VjxHvJbCfrjaL3ayEoxjjd9T8b2f3NBVdBna5PAf9FcByAFoUHp7jQ1iXFbecvD4="
	sealed, err := base64.StdEncoding.DecodeString(golden)
	if err != nil {
		t.Fatal(err)
	}
	got, err := key.Open(sealed, []byte("label"))
	if err != nil || string(got) != "kept since the first version" {
		t.Errorf("Open = %q, %v", got, err)
	}
	if id, err := SealedWith(sealed); err != nil || id != "957c402e" {
		t.Errorf("SealedWith = %q, %v", id, err)
	}
}

// B-14: every flipped bit and every cut is noticed.
func TestEveryChangeIsNoticed(t *testing.T) {
	t.Parallel()
	key := Generate()
	sealed := key.Seal([]byte("a refresh token"), []byte("label"))
	for i := range sealed {
		for bit := range 8 {
			changed := bytes.Clone(sealed)
			changed[i] ^= 1 << bit
			if got, err := key.Open(changed, []byte("label")); err == nil || got != nil {
				t.Errorf("byte %d bit %d flipped: opened to %q", i, bit, got)
			}
		}
		if _, err := key.Open(sealed[:i], []byte("label")); !errors.Is(err, store.ErrDamaged) {
			t.Errorf("cut to %d bytes: %v, want ErrDamaged", i, err)
		}
	}
	if _, err := key.Open(append(bytes.Clone(sealed), 0), []byte("label")); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("one byte more: %v, want ErrDamaged", err)
	}
	newer := bytes.Clone(sealed)
	newer[len(magic)] = version + 1
	if _, err := key.Open(newer, []byte("label")); !errors.Is(err, store.ErrNewerFormat) {
		t.Errorf("next format: %v, want ErrNewerFormat", err)
	}
}

// C-70: no way of printing a key shows it.
func TestKeyIsNotPrinted(t *testing.T) {
	t.Parallel()
	key := Generate()
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("made", "key", key)
	encoded, err := json.Marshal(map[string]any{"key": key})
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{log.String(), string(encoded)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		texts = append(texts, fmt.Sprintf(verb, key))
	}
	for _, text := range texts {
		if !strings.Contains(text, "key "+key.ID()) || len(text) > 120 {
			t.Errorf("printed as %q, want its id only", text)
		}
	}
}

func FuzzOpen(f *testing.F) {
	key := Generate()
	f.Add([]byte(nil), []byte(nil))
	f.Add([]byte("sftoken"), []byte("label"))
	f.Add(key.Seal([]byte("x"), []byte("label"))[:headerSize+12], []byte("label"))
	f.Fuzz(func(t *testing.T, text, label []byte) {
		if got, err := key.Open(text, label); err == nil {
			t.Errorf("opened to %q what this key never sealed", got)
		}
		sealed := key.Seal(text, label)
		if got, err := key.Open(sealed, label); err != nil || !bytes.Equal(got, text) {
			t.Errorf("Open(Seal(x)) = %q, %v; want %q", got, err, text)
		}
		if got, err := key.Open(sealed, append(bytes.Clone(label), 0)); err == nil {
			t.Errorf("opened to %q under another label", got)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	key := Generate()
	sealed := key.Seal(make([]byte, 2048), []byte("label"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := key.Open(sealed, []byte("label")); err != nil {
			b.Fatal(err)
		}
	}
}
