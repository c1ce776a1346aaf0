package postgres

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sftoken/sftoken/store"
)

// failure turns what pgx and PostgreSQL say into a *store.Error, by kind where a caller or a person can do something. What
// is one already stays as it is.
func (s *Store) failure(ctx context.Context, err error) error {
	if e, ok := errors.AsType[*store.Error](err); ok {
		return e
	}
	e := &store.Error{Path: s.where, Err: flat{err}}
	switch pg, ok := errors.AsType[*pgconn.PgError](err); {
	case ctx.Err() != nil:
		e.Err = ctx.Err()
	case ok:
		explain(e, pg)
	case isCertificate(err):
		e.Kind, e.ID = store.ErrRefused, "store-certificate"
		e.Mend = "give the database's certificate authority with sslrootcert"
	default: // no connection, or one that broke
		e.Kind, e.Mend = store.ErrUnavailable, "see whether the database runs and can be reached, and try again"
	}
	return e
}

// explain goes by the code: https://www.postgresql.org/docs/current/errcodes-appendix.html
func explain(e *store.Error, pg *pgconn.PgError) {
	e.Err = errors.New(pg.Message + " (SQLSTATE " + pg.Code + ")")
	switch pg.Code {
	case "28P01", "28000":
		e.Kind, e.ID = store.ErrRefused, "store-login-refused"
		e.Mend = "see user and password in the connection string, PGPASSWORD or ~/.pgpass, and the server's pg_hba.conf"
	case "3D000":
		e.Kind, e.ID, e.Mend = store.ErrRefused, "store-database-missing", "create the database (createdb), or name another"
	case "42501":
		e.Kind, e.Mend = store.ErrReadOnly, "grant the role SELECT, INSERT, UPDATE and DELETE on the tables sftoken_grants and sftoken_leases,"+
			" and for a new version CREATE on their schema"
	case "25006":
		e.Kind, e.Mend = store.ErrReadOnly, "connect to the primary: name all hosts and target_session_attrs=read-write in the connection string"
	case "53100":
		e.Kind, e.Mend = store.ErrNoSpace, "make room on the database's disk"
	case "3F000", "42P01":
		e.Kind, e.ID, e.Mend = store.ErrRefused, "store-tables-missing", "see the search_path of the role; the tables are made when the store is opened"
	case "XX001", "XX002":
		e.Kind, e.Mend = store.ErrDamaged, "restore the database from a backup"
	default:
		switch pg.Code[:min(2, len(pg.Code))] {
		case "08", "40", "53", "55", "57", "58": // connection, rollback, resources, locks, shutdown, system
			e.Kind, e.Mend = store.ErrUnavailable, "see the database's log, and try again"
		}
	}
}

// broke reports whether the connection broke with the statement on its way: it may have been carried out.
func broke(err error) bool {
	if err == nil || errors.Is(err, pgx.ErrNoRows) || notSent(err) {
		return false
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.SeverityUnlocalized != "ERROR" // the server hung up
	}
	_, ours := errors.AsType[*store.Error](err)
	return !ours
}

func notSent(err error) bool {
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	return connecting || pgconn.SafeToRetry(err)
}

func isCertificate(err error) bool {
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok
}

// flat is an error on one line.
type flat struct{ error }

func (f flat) Error() string { return strings.Join(strings.Fields(f.error.Error()), " ") }
func (f flat) Unwrap() error { return f.error }

// located says of an error below what was being done to which grant.
func located(err error, op, alias string) error {
	if e, ok := errors.AsType[*store.Error](err); ok {
		e.Op, e.Alias = op, alias
	}
	return err
}
