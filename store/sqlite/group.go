package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/sftoken/sftoken/store"
)

// patience is how long a write waits for another program's transaction. Ours take a millisecond.
const patience = 10 * time.Second

// write is one change of the database. It leaves nothing behind when it fails with a *store.Error.
type write func(ctx context.Context, tx *sql.Tx) error

// pending is a write that waits for its turn.
type pending struct {
	ctx  context.Context // of the caller who waits; it ends the waiting only
	do   write
	err  error
	done chan struct{} // closed when err may be read
}

// change waits for the turn to write, and writes, together with all who wait: they share one transaction and so one sync of
// the disk, which is what a save costs. The context ends the waiting, for other goroutines and for other programs'
// transactions; a write that has begun goes on, since half way it would not be known whether it holds.
func (s *Store) change(ctx context.Context, do write) error {
	p := &pending{ctx: ctx, do: do, done: make(chan struct{})}
	s.mu.Lock()
	s.queue = append(s.queue, p)
	s.mu.Unlock()
	select {
	case s.turn <- struct{}{}:
		s.mu.Lock()
		group := s.queue
		s.queue = nil
		s.mu.Unlock()
		s.commit(group)
		<-s.turn
	case <-p.done:
	case <-ctx.Done():
		if s.leave(p) {
			return s.failure(ctx, ctx.Err())
		}
	}
	<-p.done
	if p.err == nil {
		return nil
	}
	if isBusy(p.err) {
		return s.failure(ctx, p.err)
	}
	return s.failure(context.WithoutCancel(ctx), p.err)
}

// leave takes p out of the queue, unless it is being written.
func (s *Store) leave(p *pending) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.queue)
	s.queue = slices.DeleteFunc(s.queue, func(q *pending) bool { return q == p })
	return len(s.queue) < before
}

// commit writes the group in one transaction. If that fails, each of them is written by itself, so that nobody pays for
// another's failure; those that held after all find that out by their generation.
func (s *Store) commit(group []*pending) {
	err := s.transact(group)
	if err != nil && len(group) > 1 {
		for _, p := range group {
			s.commit([]*pending{p})
		}
		return
	}
	for _, p := range group {
		if err != nil {
			p.err = err
		}
		close(p.done)
	}
}

// transact tries until no other program writes, the patience is over or nobody waits any more.
func (s *Store) transact(group []*pending) error {
	began := time.Now()
	for {
		err := s.try(group)
		waiting := slices.ContainsFunc(group, func(p *pending) bool { return p.ctx.Err() == nil })
		if err == nil || !isBusy(err) || !waiting || time.Since(began) > patience {
			return err
		}
	}
}

func (s *Store) try(group []*pending) error {
	ctx := context.Background()
	tx, err := s.writer.BeginTx(ctx, nil) // takes the write lock: _txlock=immediate
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, p := range group {
		p.err = p.do(ctx, tx)
		if _, ours := errors.AsType[*store.Error](p.err); p.err != nil && !ours {
			return p.err
		}
	}
	return tx.Commit()
}
