package sf

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/sftoken/sftoken/internal/durable"
	"github.com/sftoken/sftoken/internal/lock"
	"github.com/sftoken/sftoken/store"
)

// The rules of proper-lockfile 4, by which sf's processes exclude each other: a lock is a directory, its holder touches it,
// and one that was not touched for ten seconds is left over from a process that has ended.
const (
	staleAfter = 10 * time.Second
	touchEvery = 2500 * time.Millisecond // sf: 5 s
	pollEvery  = 10 * time.Millisecond
)

// claim is such a lock, held.
type claim struct {
	path string
	end  context.CancelFunc // of the touching
	done chan struct{}      // closed when it has ended

	mu    sync.Mutex
	stamp fs.FileInfo // of the directory as last touched: whoever takes it over makes another
}

// take waits for the lock at path. Its error when ctx ends is that of ctx. Among sftoken's processes stealing makes them take
// turns, so that two who find the same lock stale do not both get it.
func take(ctx context.Context, path string, stealing *lock.Locks) (*claim, error) {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		err := os.Mkdir(path, 0o777)
		switch {
		case err == nil:
			return hold(path)
		case !errors.Is(err, fs.ErrExist):
			return nil, durable.Failure("lock", path, err)
		}
		if found, stale := look(path); stale {
			if err := steal(ctx, found, path, stealing); err != nil {
				return nil, err
			}
			continue
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-ticker.C:
		}
	}
}

func look(path string) (found fs.FileInfo, stale bool) {
	found, err := os.Lstat(path)
	return found, err == nil && time.Since(found.ModTime()) > staleAfter
}

// steal removes a lock that is still the one that was found stale. Between that look and the removal nothing can be done
// against sf, which has the same gap.
func steal(ctx context.Context, found fs.FileInfo, path string, stealing *lock.Locks) error {
	turn, err := stealing.Take(ctx, "_stale") // no alias begins like this
	if err != nil {
		return err
	}
	defer turn.Release()
	again, stale := look(path)
	if !stale || !durable.Same(found, again) {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return durable.Failure("lock", path, err)
	}
	return nil
}

func hold(path string) (*claim, error) {
	ctx, end := context.WithCancel(context.Background())
	c := &claim{path: path, end: end, done: make(chan struct{})}
	if err := c.touch(); err != nil {
		end()
		_ = os.Remove(path)
		return nil, durable.Failure("lock", path, err)
	}
	go func() {
		defer close(c.done)
		ticker := time.NewTicker(touchEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				if c.held() == nil {
					_ = c.touch()
				}
			}
		}
	}()
	return c, nil
}

// touch sets the time, in milliseconds as sf does.
func (c *claim) touch() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now().Truncate(time.Millisecond)
	if err := os.Chtimes(c.path, now, now); err != nil {
		return err
	}
	stamp, err := os.Lstat(c.path)
	if err == nil {
		c.stamp = stamp
	}
	return err
}

// held is store.ErrLeaseLost when somebody took the lock over: this process, or the whole machine, stood still for longer
// than ten seconds.
func (c *claim) held() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, err := os.Lstat(c.path)
	if err == nil && os.SameFile(c.stamp, now) && c.stamp.ModTime().Equal(now.ModTime()) {
		return nil
	}
	return &store.Error{
		Path: c.path, Kind: store.ErrLeaseLost,
		Detail: "the lease is lost: it was not renewed for ten seconds, and somebody else took the lock", Mend: "run the command again",
	}
}

func (c *claim) release() error {
	c.end()
	<-c.done
	if c.held() != nil {
		return nil // somebody else's now
	}
	if err := os.Remove(c.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return durable.Failure("unlock", c.path, err)
	}
	return nil
}
