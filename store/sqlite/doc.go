// Package sqlite keeps all grants in one SQLite database: for many processes on one machine, such as a broker that has no
// PostgreSQL.
//
//	/d/sftoken.db              the grants: a row each, JSON in AES-256-GCM, bound to its alias
//	/d/sftoken.db-wal, -shm    SQLite's own, there while the database is open
//	/d/sftoken.db-locks/       the kernel locks of the leases; empty files, never removed
//	/d/sftoken.db-spool/       answers that could not be saved, if there ever were any
//
// Files are 0600 in directories 0700. Anything wider, somebody else's, or a symbolic link is refused, not mended. Alias,
// generation, state, time of the last refresh and key id are in the clear, so that grants can be found without opening them.
//
// # Saving
//
// A save is one statement in write-ahead-log mode with synchronous=FULL: SQLite syncs the log before the statement returns
// (https://www.sqlite.org/pragma.html#pragma_synchronous), so that a crash leaves the old or the new grant and a save that
// returned nil is on the disk. It names the generation that it replaces, and changes nothing if another is there.
// Lease.Probe sets a file of 128 KiB or more aside; a save that then finds the disk full gives that room to SQLite.
//
// # Leases
//
// A lease is a kernel lock on a file, as in store/file, and not a row with an expiry. A database in this mode is on one
// machine anyhow (its processes share memory), and there the kernel knows better than any clock who is alive: a holder that
// was killed is free at once, one that was stopped or slept keeps its lease, and nothing has to be renewed, or written and
// synced, to take one. Should somebody remove the lock file, the holder notices, and the generation fences its save.
//
// # Spooling
//
// As in store/file: see package internal/spool.
//
// # What it does not do
//
// It is not for network file systems. A database that was removed or replaced while it is open is not written to any more;
// the store has to be opened again. An older copy of a database, put back from a backup, opens: it is authentic. Other
// programs may read the database; one that holds a write transaction makes saves wait, and fail with ErrLocked after 10 s.
package sqlite
