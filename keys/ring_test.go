package keys

import (
	"errors"
	"sync"

	"github.com/zalando/go-keyring"
)

// fakeRing is a keyring in memory; err is what it answers to everything.
type fakeRing struct {
	mu      sync.Mutex
	entries map[string]string
	err     error
}

func (r *fakeRing) Get(_, account string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if secret, ok := r.entries[account]; ok && r.err == nil {
		return secret, nil
	}
	if r.err != nil {
		return "", r.err
	}
	return "", keyring.ErrNotFound
}

func (r *fakeRing) Set(_, account, secret string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return r.err
	}
	if r.entries == nil {
		r.entries = map[string]string{}
	}
	r.entries[account] = secret
	return nil
}

func (r *fakeRing) Delete(_, account string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return r.err
	}
	if _, ok := r.entries[account]; !ok {
		return keyring.ErrNotFound
	}
	delete(r.entries, account)
	return nil
}

// silentRing never answers.
type silentRing struct{ never chan struct{} }

func (r silentRing) Get(string, string) (string, error) { <-r.never; return "", errors.New("too late") }
func (r silentRing) Set(string, string, string) error   { <-r.never; return errors.New("too late") }
func (r silentRing) Delete(string, string) error        { <-r.never; return errors.New("too late") }

// forgetfulRing takes everything and keeps nothing.
type forgetfulRing struct{ fakeRing }

func (r *forgetfulRing) Set(string, string, string) error { return nil }
