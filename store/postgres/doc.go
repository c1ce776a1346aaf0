// Package postgres keeps all grants in a PostgreSQL database: for replicas on many machines. PostgreSQL 12 or newer.
//
//	sftoken_grants    a row for each grant: JSON in AES-256-GCM, bound to its alias
//	sftoken_leases    a row for each alias that was ever leased: owner, fence, expiry
//	sftoken_schema    the numbers of the migrations that were applied
//
// Alias, generation, state, time of the last refresh and key id are in the clear, so that grants can be found without
// opening them. The key never gets to the database: who has only the database, or a backup of it, reads no token.
//
// # Leases
//
// A lease is a row with an expiry by the database's clock, which its holder renews in the background. Each new lease has a
// higher fence, and a save names its own: a holder that was stopped, slept or lost its network while somebody else took the
// lease saves nothing any more. A lease that has run out but that nobody took is still good. After a holder was killed its
// lease is free when its term is over (Options.LeaseTerm).
//
// Nothing is held between two statements, be it a transaction, a lock of the session or a prepared statement's name, so
// PgBouncer in transaction mode may sit in between. Only LISTEN needs a session: given ListenDSN, waiters for a lease wake
// at once and Watch tells of the changes of other processes. Without it waiters ask again and again.
//
// # Saving
//
// A save is one statement, durable when it returns as far as the database makes it so: with synchronous_commit=on, the
// default, it is on the primary's disk; that a standby has it too, so that no fail-over can lose it, takes
// synchronous_standby_names. It names the generation that it replaces. When the connection broke before the answer came,
// the save may have happened; it is repeated at once on another connection, and a later Save knows that either may be true.
//
// # Spooling
//
// The spool (see package internal/spool) is a local directory. It saves an answer whose save failed from the end of this
// process, and the next Lease on this machine puts it into the database. Other machines do not see it: they find the mark
// of the spending and resolve it. A deleted grant raises the generations of its alias by 1,000, so that a spool that
// another machine still has does not bring it back.
//
// # Fail-over
//
// Give all hosts and target_session_attrs=read-write in the DSN. While no primary answers, everything fails with
// store.ErrUnavailable, which is sftoken.ErrTemporary; what runs is repeated by the caller.
//
// # What it does not do
//
// A database put back from a backup opens: it is authentic, but its refresh tokens may be spent. A role that may write the
// tables can swap rows, which is noticed, and put back an older row, which is not.
package postgres
