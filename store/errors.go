package store

import (
	"errors"
	"maps"
	"strings"

	"github.com/sftoken/sftoken"
)

// What a caller branches on. Every error of a store that is about the store, rather than the context, is an [*Error]
// whose Kind is one of these.
var (
	ErrNotFound    error = &kind{"grant-not-found", "no such grant"}
	ErrStale       error = &kind{"grant-stale", "the grant was changed since it was loaded"}
	ErrLeaseLost   error = &kind{"lease-lost", "the lease is no longer held"}
	ErrLocked      error = &kind{"store-locked", "somebody else holds the lease"}
	ErrDamaged     error = &kind{"store-damaged", "damaged"}
	ErrKeyLost     error = &kind{"key-lost", "the key is lost"}
	ErrReadOnly    error = &kind{"store-read-only", "not writable"}
	ErrNoSpace     error = &kind{"store-no-space", "no space left"}
	ErrNewerFormat error = &kind{"store-newer-format", "written by a newer version of sftoken"}
	ErrUnsafe      error = &kind{"store-unsafe", "not safe to use"} // mode, owner, symbolic link
	ErrRefused     error = &kind{"store-refused", "refused by the database"}
	ErrUnavailable error = &kind{"store-unavailable", "not reachable now"} // is sftoken.ErrTemporary too
)

type kind struct{ id, text string }

func (k *kind) Error() string   { return k.text }
func (k *kind) ErrorID() string { return k.id }

// Is makes a store that will be back by itself a temporary failure like one of the network.
func (k *kind) Is(target error) bool {
	return target == sftoken.ErrTemporary && k == ErrUnavailable
}

// Error is what went wrong with a store: with which grant or file, why, and what mends it.
type Error struct {
	Op     string // "get", "lease", "save" … what was being done
	Alias  string // the grant, if it concerns one
	Path   string // the file or directory, if it concerns one
	Kind   error  // ErrNotFound, ErrDamaged …
	ID     string // finer than Kind for explanations ("store-unsafe-mode"); empty: Kind's
	Detail string // what exactly; empty: Kind says it
	Err    error  // cause, if any
	Mend   string // what to do about it, if anything
}

// Error gives "get prod: /path/prod.grant: damaged (cut off); restore it from a backup …".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Alias != "" {
		b.WriteString(" " + e.Alias)
	}
	if e.Path != "" {
		if e.Alias != "" {
			b.WriteString(":")
		}
		b.WriteString(" " + e.Path)
	}
	switch {
	case e.Detail != "":
		b.WriteString(": " + e.Detail)
	case e.Kind != nil:
		b.WriteString(": " + e.Kind.Error())
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Mend != "" {
		b.WriteString("; " + e.Mend)
	}
	return b.String()
}

// Unwrap returns Kind and Err, so that errors.Is finds either.
func (e *Error) Unwrap() []error {
	var all []error
	for _, err := range []error{e.Kind, e.Err} {
		if err != nil {
			all = append(all, err)
		}
	}
	return all
}

// ErrorID is the stable id by which package explain finds what to say.
func (e *Error) ErrorID() string {
	if e.ID != "" {
		return e.ID
	}
	if k, ok := errors.AsType[*kind](e.Kind); ok {
		return k.id
	}
	return "store-failed"
}

// ErrorData gives the placeholders of the explanation.
func (e *Error) ErrorData() map[string]string {
	data := map[string]string{"alias": e.Alias, "path": e.Path, "detail": e.Detail, "mend": e.Mend}
	maps.DeleteFunc(data, func(_, v string) bool { return v == "" })
	return data
}
