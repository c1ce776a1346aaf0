package backup

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/store"
)

// Recipients are who can open a backup.
type Recipients struct{ all []age.Recipient }

// ToPassphrase lets whoever knows the passphrase open the backup. work is age's scrypt work factor, 2^work; 0: age's own,
// which takes about a second.
func ToPassphrase(passphrase sftoken.Secret, work int) (Recipients, error) {
	r, err := age.NewScryptRecipient(passphrase.Reveal())
	if err != nil {
		return Recipients{}, fmt.Errorf("encrypt backup: %w", err)
	}
	if work > 0 {
		r.SetWorkFactor(work)
	}
	return Recipients{[]age.Recipient{r}}, nil
}

// ToKeys lets the owners of age public keys ("age1…") open the backup.
func ToKeys(publicKeys []string) (Recipients, error) {
	var r Recipients
	for _, key := range publicKeys {
		found, err := age.ParseRecipients(strings.NewReader(key))
		if err != nil {
			if strings.HasPrefix(strings.ToUpper(key), "AGE-SECRET-KEY-") {
				key = "AGE-SECRET-KEY-…" // it is somebody's secret
			}
			return Recipients{}, &RecipientError{Text: key}
		}
		r.all = append(r.all, found...)
	}
	return r, nil
}

// RecipientError is a text that is no age public key.
type RecipientError struct{ Text string }

func (e *RecipientError) Error() string {
	return fmt.Sprintf("encrypt backup: %q is no age recipient", e.Text)
}

// ErrorID identifies the error for explanations.
func (e *RecipientError) ErrorID() string { return "recipient-invalid" }

// ErrorData gives the placeholders of the explanation.
func (e *RecipientError) ErrorData() map[string]string { return map[string]string{"recipient": e.Text} }

// Writer writes a backup. Close ends it; without Close it is cut off.
type Writer struct {
	age    io.WriteCloser
	lines  *json.Encoder
	counts Counts
}

// NewWriter begins a backup on w.
func NewWriter(w io.Writer, r Recipients, m Manifest) (*Writer, error) {
	encrypted, err := age.Encrypt(w, r.all...)
	if err != nil {
		return nil, fmt.Errorf("encrypt backup: %w", err)
	}
	lines := json.NewEncoder(encrypted)
	lines.SetEscapeHTML(false)
	return &Writer{age: encrypted, lines: lines}, lines.Encode(line{
		Format: format, Schema: schema, Made: m.Made.UTC(), From: m.From, Version: m.Version,
	})
}

// Add writes one entry.
func (w *Writer) Add(e Entry) error {
	l := line{App: e.App}
	if e.Grant != nil {
		record, err := store.Encode(e.Grant)
		if err != nil {
			return err
		}
		l.Grant = record
		w.counts.Grants++
	} else {
		w.counts.Apps++
	}
	return w.lines.Encode(l)
}

// Close writes the end and says what is in the backup.
func (w *Writer) Close() (Counts, error) {
	return w.counts, errors.Join(w.lines.Encode(line{End: &w.counts}), w.age.Close())
}
