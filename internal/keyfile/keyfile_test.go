package keyfile_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/keyfile"
)

func newKey(t *testing.T) (*rsa.PrivateKey, *x509.Certificate, sftoken.Secret) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sftoken"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, certificate, sftoken.NewSecret(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})))
}

func write(t *testing.T, data []byte, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, data, mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// Each form gives the same key; the password is asked for only where there is one, and once.
func TestForms(t *testing.T) {
	t.Parallel()
	key, certificate, want := newKey(t)
	p12 := func(encoder *pkcs12.Encoder, password string) []byte {
		data, err := encoder.Encode(key, certificate, nil, password)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name  string
		data  []byte
		asked int
	}{
		{"PEM", []byte(want.Reveal()), 0},
		{"PKCS #8 in DER", pkcs8, 0},
		{"PKCS #1 in DER", x509.MarshalPKCS1PrivateKey(key), 0},
		{"PKCS #12", p12(pkcs12.Modern2023, "pässword"), 1},
		{"PKCS #12 as of old", p12(pkcs12.LegacyDES, "pässword"), 1},
		{"PKCS #12 without a password", p12(pkcs12.Modern2023, ""), 0},
	} {
		asked := 0
		got, err := keyfile.Read(write(t, row.data, 0o600), func() (sftoken.Secret, error) {
			asked++
			return sftoken.NewSecret("pässword"), nil
		})
		if err != nil || !got.Equal(want) || asked != row.asked {
			t.Errorf("%s: the same key: %v, asked %d times, %v", row.name, got.Equal(want), asked, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	key, certificate, text := newKey(t)
	p12, err := pkcs12.Modern2023.Encode(key, certificate, nil, "right")
	if err != nil {
		t.Fatal(err)
	}
	trust, err := pkcs12.Modern2023.EncodeTrustStore([]*x509.Certificate{certificate}, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name string
		path string
		id   string
	}{
		{"no file", filepath.Join(t.TempDir(), "none"), "private-key-unreadable"},
		{"a directory", t.TempDir(), "private-key-unreadable"},
		{"the wrong password", write(t, p12, 0o600), "private-key-password"},
		{"a trust store", write(t, trust, 0o600), "private-key-malformed"},
		{"cut", write(t, p12[:200], 0o600), "private-key-malformed"},
		{"too long", write(t, make([]byte, 2<<20), 0o600), "private-key-malformed"},
	} {
		_, err := keyfile.Read(row.path, func() (sftoken.Secret, error) { return sftoken.NewSecret("wrong-CANARY"), nil })
		e, ok := errors.AsType[*keyfile.Error](err)
		if !ok || e.ID != row.id || e.Path != row.path || !strings.Contains(err.Error(), row.path) || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: %v, want %s", row.name, err, row.id)
		}
	}
	if runtime.GOOS != "windows" { // C-57: key file mode checked
		for _, mode := range []fs.FileMode{0o640, 0o604, 0o660, 0o644} {
			_, err := keyfile.Read(write(t, []byte(text.Reveal()), mode), nil)
			if e, ok := errors.AsType[*keyfile.Error](err); !ok || e.ID != "private-key-unsafe" {
				t.Errorf("mode %04o: %v", mode, err)
			}
		}
	}
	gone := errors.New("interrupted")
	if _, err := keyfile.Read(write(t, p12, 0o600), func() (sftoken.Secret, error) { return sftoken.Secret{}, gone }); !errors.Is(err, gone) {
		t.Errorf("nobody answers: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte{0x30, 0x03, 0x02, 0x01, 0x03})
	f.Add([]byte("-----BEGIN PRIVATE KEY-----"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4<<10 {
			return
		}
		if _, err := keyfile.Parse(data, func() (sftoken.Secret, error) { return sftoken.NewSecret("x"), nil }); err != nil {
			if _, ok := errors.AsType[*keyfile.Error](err); !ok {
				t.Errorf("%T: %v", err, err)
			}
		}
	})
}
