// Package lock gives the exclusive right to one alias on this machine: a kernel lock (flock, LockFileEx) on a file of its
// own. It dies with its process, at once and whatever killed it; it knows no clock, so that a process that was stopped, or
// a machine that slept, does not lose it.
//
// A lock file is empty, and never removed: whoever removes one takes the lock away from its holder, who notices. The lock
// does not reach across machines on every network file system.
//
// For the stores whose data is on one machine.
package lock

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/sftoken/sftoken/internal/durable"
	"github.com/sftoken/sftoken/internal/filename"
	"github.com/sftoken/sftoken/store"
)

// poll is how often a lock that another process holds is asked for again. A refresh holds it for a third of a second.
const poll = 5 * time.Millisecond

// Locks are the lock files in a directory. Make them with In.
type Locks struct {
	dir   string
	turns sync.Map // alias → chan struct{} of one token: the lock among this process's goroutines
}

// In returns the locks in dir, which the first Take makes.
func In(dir string) *Locks { return &Locks{dir: dir} }

// Path is the lock file of an alias.
func (l *Locks) Path(alias string) string { return filepath.Join(l.dir, filename.Of(alias)+".lock") }

// Check refuses a directory that others can enter. One that is not there yet is fine.
func (l *Locks) Check() error {
	if err := durable.CheckDir(l.dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Lock is a lock that is held. One goroutine at a time uses it.
type Lock struct {
	path string
	file *flock.Flock // nil once released
	turn chan struct{}
}

// Take waits for the lock of an alias. When the context ends the waiting, the error is store.WaitError's.
func (l *Locks) Take(ctx context.Context, alias string) (*Lock, error) {
	if ctx.Err() != nil {
		return nil, store.WaitError(alias, ctx.Err())
	}
	if err := durable.MakeDir(l.dir); err != nil {
		return nil, err
	}
	// The kernel lock alone would do, but asking for it again and again is slower than waiting for one's turn.
	value, _ := l.turns.LoadOrStore(alias, make(chan struct{}, 1))
	turn := value.(chan struct{})
	select {
	case turn <- struct{}{}:
	case <-ctx.Done():
		return nil, store.WaitError(alias, ctx.Err())
	}
	path := l.Path(alias)
	file, err := take(ctx, path)
	if err != nil {
		<-turn
		if ctx.Err() != nil {
			return nil, store.WaitError(alias, ctx.Err())
		}
		return nil, durable.Failure("lock", path, err)
	}
	return &Lock{path: path, file: file, turn: turn}, nil
}

// take starts over if somebody has removed the lock file in the meantime.
func take(ctx context.Context, path string) (*flock.Flock, error) {
	for {
		file := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDONLY|durable.OpenFlags))
		if _, err := file.TryLockContext(ctx, poll); err != nil {
			return nil, err
		}
		if stillThere(file) {
			return file, nil
		}
		_ = file.Close()
	}
}

// stillThere reports whether the locked file is the one that others would lock.
func stillThere(file *flock.Flock) bool {
	held, err := file.Stat()
	if err != nil {
		return false
	}
	named, err := os.Lstat(file.Path())
	return err == nil && os.SameFile(held, named)
}

// Held is store.ErrLeaseLost when the lock was released, or somebody removed its file.
func (l *Lock) Held() error {
	switch {
	case l.file == nil:
		return &store.Error{Kind: store.ErrLeaseLost, Detail: "the lease was released"}
	case !stillThere(l.file):
		return &store.Error{
			Path: l.path, Kind: store.ErrLeaseLost,
			Detail: "the lease is lost: somebody removed its lock file", Mend: "leave the lock files where they are",
		}
	}
	return nil
}

// Release gives the lock back. It may be called again.
func (l *Lock) Release() error {
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	<-l.turn
	if err != nil {
		return durable.Failure("unlock", l.path, err)
	}
	return nil
}
