// Package keyfile reads the private key of an app out of the file that a person has it in, PEM, DER or PKCS #12 (.p12,
// .pfx), and gives it as the PEM that sftoken.App takes.
//
// It refuses a file that others may read (C-57), writes none, and keeps no password. Commands import it.
package keyfile

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/sftoken/sftoken"
)

// limit is more than any key with its chain of certificates has.
const limit = 1 << 20

// Error says why a file gives no key. It shows nothing of what is in it.
type Error struct {
	Path   string // empty: it came by another way
	Reason string
	ID     string // private-key-unsafe, private-key-password, private-key-malformed, private-key-unreadable
	Err    error
}

func (e *Error) Error() string {
	text := "read private key"
	if e.Path != "" {
		text += " " + e.Path
	}
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrorID returns the stable name of this kind of error.
func (e *Error) ErrorID() string { return e.ID }

// ErrorData returns the values that an explanation of the error may name.
func (e *Error) ErrorData() map[string]string { return map[string]string{"path": e.Path} }

// Read reads the key in a file. ask is called for a PKCS #12 file with a password, once.
func Read(path string, ask func() (sftoken.Secret, error)) (sftoken.Secret, error) {
	data, err := read(path)
	if err != nil {
		return sftoken.Secret{}, err
	}
	key, err := Parse(data, ask)
	if e, ok := errors.AsType[*Error](err); ok {
		e.Path = path
	}
	return key, err
}

func read(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, &Error{Path: path, ID: "private-key-unreadable", Err: cause(err)}
	}
	defer file.Close()
	info, err := file.Stat() // of what was opened, whatever has been put in its place since
	switch {
	case err != nil:
		return nil, &Error{Path: path, ID: "private-key-unreadable", Err: cause(err)}
	case info.IsDir():
		return nil, &Error{Path: path, ID: "private-key-unreadable", Reason: "it is a directory"}
	case runtime.GOOS != "windows" && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0: // there, modes say nothing
		return nil, &Error{Path: path, ID: "private-key-unsafe", Reason: fmt.Sprintf("others may read it (mode %04o)", info.Mode().Perm())}
	}
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	switch {
	case err != nil:
		return nil, &Error{Path: path, ID: "private-key-unreadable", Err: cause(err)}
	case len(data) > limit:
		return nil, &Error{Path: path, ID: "private-key-malformed", Reason: "it is too long for a key"}
	}
	return data, nil
}

// cause takes the path off, which the Error names.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// Parse takes what is in a file. PEM is passed on as it is: sftoken.App.Validate judges it.
func Parse(data []byte, ask func() (sftoken.Secret, error)) (sftoken.Secret, error) {
	if len(data) == 0 || data[0] != 0x30 { // the SEQUENCE that every DER form begins with; no PEM begins with a zero
		return sftoken.NewSecret(string(data)), nil
	}
	if key, err := x509.ParsePKCS8PrivateKey(data); err == nil {
		return encode(key)
	}
	if key, err := x509.ParsePKCS1PrivateKey(data); err == nil {
		return encode(key)
	}
	key, err := open(data, "")
	if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		password, asked := ask()
		if asked != nil {
			return sftoken.Secret{}, asked
		}
		key, err = open(data, password.Reveal())
	}
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return sftoken.Secret{}, &Error{ID: "private-key-password", Reason: "the password does not open it"}
	case err != nil:
		return sftoken.Secret{}, err
	}
	return encode(key)
}

func open(data []byte, password string) (any, error) {
	key, _, _, err := pkcs12.DecodeChain(data, password)
	if err != nil && !errors.Is(err, pkcs12.ErrIncorrectPassword) {
		return nil, &Error{ID: "private-key-malformed", Reason: "not PEM, and no PKCS #12 file with a key and its certificate", Err: err}
	}
	return key, err
}

func encode(key any) (sftoken.Secret, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return sftoken.Secret{}, &Error{ID: "private-key-malformed", Reason: "the key in it is of a kind that cannot be used"}
	}
	var text bytes.Buffer
	if err := pem.Encode(&text, &pem.Block{Type: "PRIVATE KEY", Bytes: der}); err != nil {
		return sftoken.Secret{}, err
	}
	return sftoken.NewSecret(text.String()), nil
}
