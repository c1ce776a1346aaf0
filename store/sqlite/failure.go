package sqlite

import (
	"context"
	"errors"

	"modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"github.com/sftoken/sftoken/store"
)

// failure turns what SQLite says into a *store.Error, by kind where a caller or a person can do something
// (https://www.sqlite.org/rescode.html). What is one already stays as it is.
func (s *Store) failure(ctx context.Context, err error) error {
	if e, ok := errors.AsType[*store.Error](err); ok {
		return e
	}
	e := &store.Error{Path: s.path, Err: err}
	if ctx.Err() != nil {
		e.Err = ctx.Err() // the driver says "interrupted"
		if isBusy(err) && errors.Is(ctx.Err(), context.DeadlineExceeded) {
			e.Kind = store.ErrLocked
		}
		return e
	}
	switch code := resultCode(err); code & 0xff {
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED:
		e.Kind, e.Detail, e.Mend = store.ErrLocked, "another program is writing to the database", "end that program, or wait for it"
	case codes.SQLITE_FULL:
		e.Kind, e.Mend = store.ErrNoSpace, "make room on that disk"
	case codes.SQLITE_READONLY, codes.SQLITE_PERM, codes.SQLITE_CANTOPEN: // the last also when the log cannot be made
		e.Kind, e.Mend = store.ErrReadOnly, "give its owner write access to the database and its directory, and see whether that disk has room"
	case codes.SQLITE_CORRUPT, codes.SQLITE_NOTADB:
		e.Kind, e.Mend = store.ErrDamaged, "restore the database from a backup"
	case codes.SQLITE_IOERR:
		if code == codes.SQLITE_IOERR_SHMSIZE { // the index of the log could not grow
			e.Kind, e.Mend = store.ErrNoSpace, "make room on that disk"
		}
	}
	return e
}

func isBusy(err error) bool {
	code := resultCode(err) & 0xff
	return code == codes.SQLITE_BUSY || code == codes.SQLITE_LOCKED
}

// resultCode is SQLite's extended result code, 0 if the error is not SQLite's.
func resultCode(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code()
	}
	return 0
}
