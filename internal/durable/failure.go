package durable

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/sftoken/sftoken/store"
)

// Failure turns what the system says about path into a *store.Error, by kind where a caller or a person can do something.
// What is one already stays as it is.
func Failure(op, path string, err error) error {
	if e, ok := errors.AsType[*store.Error](err); ok {
		return e
	}
	e := &store.Error{Op: op, Path: path, Err: bare(err)}
	reading := op == "read" || op == "open directory"
	switch {
	case isLink(err):
		return linkError(op, path)
	case isNoSpace(err):
		e.Kind, e.Mend = store.ErrNoSpace, "make room on that disk"
	case errors.Is(err, fs.ErrPermission) && reading:
		e.Kind, e.ID, e.Mend = store.ErrUnsafe, "store-unsafe-mode", "give its owner access: chmod u+rX "+shellQuote(path)
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		e.Kind, e.Mend = store.ErrReadOnly, "give its owner write access to the directory, or choose another data directory"
	case op == "lock" && (errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.ENOLCK)):
		e.Mend = "this file system knows no locks: put the data directory on a local disk"
	}
	return e
}

// bare takes the path out of a system error: ours names it already.
func bare(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok && err == error(p) {
		return p.Err
	}
	if l, ok := errors.AsType[*os.LinkError](err); ok && err == error(l) {
		return l.Err
	}
	return err
}

func shellQuote(path string) string {
	if strings.ContainsFunc(path, func(r rune) bool { return strings.ContainsRune(" \t\n'\"\\$&;|<>()*?[]#~`!{}", r) }) {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}
