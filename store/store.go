package store

import (
	"context"
	"iter"
)

// Store keeps grants by alias.
//
// Rules for every store:
//
//   - A method returns when the work is done: after Save or Delete, every later Get in any process that uses the same
//     store sees the result.
//   - Reading never creates, changes or repairs anything, not even a directory, and needs no lease.
//   - What is returned belongs to the caller: changing it changes nothing in the store.
//   - A grant that cannot be read is an error ([ErrDamaged], [ErrKeyLost], [ErrNewerFormat] …), never "not found", and
//     nothing ever writes over it: Delete is the only way to be rid of it.
//   - The context is honoured wherever a method may wait; its error is wrapped, and a time-out while waiting for a lease is
//     [ErrLocked] as well.
//   - An alias that [ValidAlias] refuses is refused by every method with [*AliasError]. Aliases differ by case.
//   - All methods may be called from many goroutines.
type Store interface {
	// Get returns the grant as last saved, or ErrNotFound. Use it to look; whoever means to change the grant loads it
	// again under a lease, since it may have been refreshed in between.
	Get(ctx context.Context, alias string) (*Grant, error)

	// List goes through all grants in the order of their aliases. A grant that cannot be read yields its error (an *Error
	// that names the alias) and listing goes on. One that is deleted meanwhile is left out. An error without an alias,
	// such as that of the context, ends the listing.
	List(ctx context.Context) iter.Seq2[*Grant, error]

	// Aliases returns the sorted names of all grants, readable or not. It needs no key. A store that was never written to
	// has none, which is no error.
	Aliases(ctx context.Context) ([]string, error)

	// Lease waits for the exclusive right to change one grant, and takes it. It excludes every goroutine and every process
	// that uses the same store. The grant need not exist yet.
	//
	// A lease is for expensive work that must not run twice, not for every look. After waiting for it the work may have been
	// done already: Load, and compare, before doing it. Hold one lease at a time, and always Release it.
	//
	// A wait that ends with the context's deadline fails with ErrLocked.
	Lease(ctx context.Context, alias string) (Lease, error)

	// Close frees what the store holds open. Leases must have been released.
	Close() error

	// String says where the grants are, for people: "files in /home/x/.local/share/sftoken".
	String() string
}

// Lease is the exclusive right to change one grant. Only its holder can save. After Release, or when the store has found
// out that the right was lost to somebody else (a database fences with the generation, a file with the lock file's
// identity), every method but Release fails with [ErrLeaseLost]. Its methods may be called from many goroutines and run
// one after the other.
type Lease interface {
	// Load reads the grant afresh, or fails with ErrNotFound.
	Load(ctx context.Context) (*Grant, error)

	// Probe proves that a Save would work now: space, permission, key. A store that can, sets the space aside until
	// Release, so that the Save that follows has it even if the disk fills up in between.
	Probe(ctx context.Context) error

	// Save writes the grant, atomically: a crash at any moment leaves the old or the new one, whole. When it returns nil the
	// grant is durable, and g.Generation has become one more than it was.
	//
	// g.Generation must be the generation in the store, 0 when there is no grant: what Load returned, or the last Save.
	// Anything else is a stale view and fails with ErrStale. To replace an existing grant by a new one (a login over an
	// old alias), load the old one and carry its Generation over.
	//
	// A failed Save may be repeated with the same grant. g.Alias must be the lease's alias.
	//
	// The context limits waiting. It does not tear a write in half: whoever must not lose the grant passes
	// context.WithoutCancel.
	Save(ctx context.Context, g *Grant) error

	// Delete removes the grant, readable or not. Deleting what is not there is no error.
	Delete(ctx context.Context) error

	// Release gives the right back. It may be called again, and after any error.
	Release() error
}

// Spooler is a Store that can keep a grant aside, encrypted and durable, when Save fails though the grant must not be
// lost: its refresh token came with an answer that Salesforce will not give again.
type Spooler interface {
	// Spool counts as a Save elsewhere: g.Generation becomes one more, and from then on Get, List and Load return the
	// spooled grant. The store puts it into its place by itself at the next Lease of the alias, unless what is there is as
	// new. The caller holds the grant's lease; after Spool it may go on trying to Save.
	Spool(ctx context.Context, g *Grant) error
}
