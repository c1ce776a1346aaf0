package backup

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"filippo.io/age"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/store"
)

// maxLine bounds an entry. A grant takes 2 KiB.
const maxLine = 4 << 20

// maxWork bounds how much work a passphrase may ask for: 2^22 takes a quarter of a minute and 4 GiB, and a file from
// somebody else could ask for more.
const maxWork = 22

// Reader reads a backup.
type Reader struct {
	Manifest Manifest
	plain    *io.SectionReader
}

// IsBackup reports whether a file begins as a backup does.
func IsBackup(beginning []byte) bool {
	return bytes.HasPrefix(beginning, []byte("age-encryption.org/"))
}

// WantsPassphrase reports whether a backup, of which the beginning is enough, is encrypted to a passphrase.
func WantsPassphrase(beginning []byte) bool { return bytes.Contains(beginning, []byte("\n-> scrypt ")) }

// OpenWithPassphrase opens a backup and reads it through once. It fails with ErrPassphrase or ErrNeedsIdentity.
func OpenWithPassphrase(r io.ReaderAt, size int64, passphrase sftoken.Secret) (*Reader, error) {
	identity, err := age.NewScryptIdentity(passphrase.Reveal())
	if err != nil {
		return nil, fmt.Errorf("open backup: %w", ErrPassphrase)
	}
	identity.SetMaxWorkFactor(maxWork)
	return open(r, size, ErrPassphrase, identity)
}

// OpenWithIdentities opens a backup with the age identities in keys. It fails with ErrIdentity or ErrNeedsPassphrase.
func OpenWithIdentities(r io.ReaderAt, size int64, keys io.Reader) (*Reader, error) {
	identities, err := age.ParseIdentities(keys)
	if err != nil {
		return nil, fmt.Errorf("open backup: read identities: %w", err)
	}
	return open(r, size, ErrIdentity, identities...)
}

func open(r io.ReaderAt, size int64, refused error, identities ...age.Identity) (*Reader, error) {
	plain, length, err := age.DecryptReaderAt(r, size, identities...)
	if none, ok := errors.AsType[*age.NoIdentityMatchError](err); ok {
		switch scrypt := slices.Contains(none.StanzaTypes, "scrypt"); {
		case refused == ErrPassphrase && !scrypt:
			refused = ErrNeedsIdentity
		case refused == ErrIdentity && scrypt:
			refused = ErrNeedsPassphrase
		}
		return nil, fmt.Errorf("open backup: %w", refused)
	}
	if err != nil {
		return nil, damaged("cut off, changed, or not an age file", err)
	}
	b := &Reader{plain: io.NewSectionReader(plain, 0, length)}
	lines, l, err := b.begin()
	switch {
	case err != nil:
		return nil, err
	case l.Format != format:
		return nil, damaged("not a backup of sftoken", nil)
	case l.Schema > schema:
		return nil, &store.Error{
			Op: "read backup", Kind: store.ErrNewerFormat, Mend: "update sftoken",
			Detail: fmt.Sprintf("written by sftoken %s in schema %d, this one knows schema %d", l.Version, l.Schema, schema),
		}
	}
	b.Manifest = Manifest{Made: l.Made, From: l.From, Version: l.Version}
	for _, err := range entries(lines) { // all of it is there and whole, or nothing of it is used
		if err != nil {
			return nil, err
		}
	}
	return b, nil
}

// begin reads the first line.
func (b *Reader) begin() (*bufio.Scanner, line, error) {
	_, _ = b.plain.Seek(0, io.SeekStart) // cannot fail
	lines := bufio.NewScanner(b.plain)
	lines.Buffer(nil, maxLine)
	l, err := next(lines)
	return lines, l, err
}

// next reads a line. The errors of package json quote what they read, which holds secrets: they are not told.
func next(lines *bufio.Scanner) (line, error) {
	if !lines.Scan() {
		if err := lines.Err(); err != nil {
			return line{}, damaged("changed or cut off", err)
		}
		return line{}, damaged("cut off", nil)
	}
	var l line
	if json.Unmarshal(lines.Bytes(), &l) != nil {
		return line{}, damaged("a line that is not JSON", nil)
	}
	return l, nil
}

// Entries goes through the backup, one goroutine at a time.
func (b *Reader) Entries() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		lines, _, err := b.begin()
		if err != nil {
			yield(Entry{}, err)
			return
		}
		entries(lines)(yield)
	}
}

// entries ends with the first error, or when the end is there and counts what came.
func entries(lines *bufio.Scanner) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		var counts Counts
		for {
			l, err := next(lines)
			if err == nil && l.End != nil && *l.End == counts {
				return
			}
			var e Entry
			switch {
			case err != nil:
			case l.End != nil:
				err = damaged(fmt.Sprintf("%d grants and %d apps instead of %d and %d",
					counts.Grants, counts.Apps, l.End.Grants, l.End.Apps), nil)
			case l.Grant != nil:
				counts.Grants++
				e.Grant, err = store.Decode(l.Grant)
			case l.App != nil:
				counts.Apps++
				e.App = bytes.Clone(l.App)
			default:
				err = damaged("a line of an unknown kind", nil)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}
