package keys

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/zalando/go-keyring"

	"github.com/sftoken/sftoken/store"
)

// service is what our entries are filed under; the account is the key's id, so that data directories do not collide.
const service = "sftoken"

// ring is what we need of a keyring.
type ring interface {
	Get(service, account string) (string, error)
	Set(service, account, secret string) error
	Delete(service, account string) error
}

type system struct{}

func (system) Get(service, account string) (string, error) { return keyring.Get(service, account) }
func (system) Set(service, account, secret string) error {
	return keyring.Set(service, account, secret)
}
func (system) Delete(service, account string) error { return keyring.Delete(service, account) }

// ask runs one call to the keyring, for as long as it may take (C-72).
//
// The keyring library takes no context and a Secret Service that waits for a person answers when it likes, or never. Then
// the goroutine is left behind, knowingly: it holds a few kilobytes until the process ends or the keyring answers, and
// nobody looks at its result.
func (h home) ask(ctx context.Context, call func() (string, error)) (string, error) {
	limit := cmp.Or(h.KeyringTimeout, 3*time.Second)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, slowError(limit))
	defer cancel()
	type answer struct {
		secret string
		err    error
	}
	answers := make(chan answer, 1)
	go func() {
		secret, err := call()
		answers <- answer{secret, err}
	}()
	select {
	case a := <-answers:
		return a.secret, a.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

func (h home) fromRing(ctx context.Context, id string) (*key, error) {
	text, err := h.ask(ctx, func() (string, error) { return h.ring.Get(service, id) })
	switch {
	case errors.Is(err, keyring.ErrNotFound):
		return nil, &store.Error{
			Op: "open key " + id, Kind: ErrKeyLost, Mend: lostMend,
			Detail: fmt.Sprintf("the keyring has no entry %q with account %q any more", service, id),
		}
	case err != nil:
		return nil, noRing("open key "+id, err)
	}
	return parseKey(text, id, &store.Error{
		Op: "open key " + id, Mend: lostMend,
		Detail: fmt.Sprintf("the keyring's entry %q with account %q holds something else", service, id),
	})
}

// toRing stores a key and reads it back: a keyring that takes a secret and forgets it is none.
func (h home) toRing(ctx context.Context, k *key, raw []byte) error {
	text := base64.StdEncoding.EncodeToString(raw)
	kept, err := h.ask(ctx, func() (string, error) {
		if err := h.ring.Set(service, k.name(), text); err != nil {
			return "", err
		}
		return h.ring.Get(service, k.name())
	})
	if err == nil && kept != text {
		err = errors.New("it gave back something else than it was given")
	}
	if err != nil {
		return noRing("create key", err)
	}
	return nil
}

func (h home) dropFromRing(ctx context.Context, id string) error {
	_, err := h.ask(ctx, func() (string, error) { return "", h.ring.Delete(service, id) })
	if err != nil && !errors.Is(err, keyring.ErrNotFound) {
		return noRing("retire key "+id, err)
	}
	return nil
}

// slowError is a keyring that did not answer within this time.
type slowError time.Duration

func (e slowError) Error() string { return "it did not answer within " + time.Duration(e).String() }

// noRing is the failure of a keyring that cannot be used. A locked one is known by its words only: the library passes on
// what D-Bus or macOS says. What to do about each, package explain knows.
func noRing(op string, err error) error {
	id := "keyring-absent"
	words := strings.ToLower(err.Error())
	if _, slow := errors.AsType[slowError](err); slow {
		id = "keyring-timeout"
	} else if strings.Contains(words, "locked") || strings.Contains(words, "unlock") || strings.Contains(words, "dismissed") || strings.Contains(words, "interaction is not allowed") {
		id = "keyring-locked"
	}
	return &store.Error{Op: op, Kind: ErrNoKeyring, ID: id, Err: err}
}

const lostMend = "what it encrypted cannot be read without it: bring the key back from a backup, " +
	"or move the data directory away and log in again"

// parseKey reads base64 text. If it is not the key with this id (any, if empty), the error is lost with its kind set.
func parseKey(text, id string, lost *store.Error) (*key, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err == nil {
		var k *key
		if k, err = newKey(raw); err == nil && (id == "" || k.name() == id) {
			return k, nil
		}
	}
	lost.Kind = ErrKeyLost // the text itself is not told: it may be a key with a slip of the pen
	return nil, lost
}
