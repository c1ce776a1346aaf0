package file

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/sftoken/sftoken/internal/durable"
	"github.com/sftoken/sftoken/internal/sealed"
	"github.com/sftoken/sftoken/store"
)

// roomSize is what Probe sets aside. A grant takes about 2 KiB.
const roomSize = 64 << 10

// Save implements store.Lease. If it fails after the new file took its place, g.Generation has moved nevertheless, so that
// the repeated Save is not stale.
func (l *lease) Save(ctx context.Context, g *store.Grant) error {
	unlock, err := l.held(ctx, "save")
	if err != nil {
		return err
	}
	defer unlock()
	return located(l.save(g), "save", l.alias)
}

func (l *lease) save(g *store.Grant) error {
	stored, err := l.generation()
	if err != nil {
		return err // nothing is written over what cannot be read
	}
	if err := store.CheckSave(l.alias, g, stored); err != nil {
		return err
	}
	next := *g
	next.Generation++
	data, err := sealed.SealGrant(l.s.key, grantKind, &next)
	if err != nil {
		return err
	}
	err = l.s.write(l.alias, data)
	if errors.Is(err, store.ErrNoSpace) && l.room {
		l.s.room.Yield()
		err = l.s.write(l.alias, data)
	}
	if err == nil || errors.Is(err, durable.ErrUnsynced) {
		g.Generation++
	}
	if err != nil {
		return err
	}
	_ = l.s.spool.Remove(l.alias) // older than the grant now: if it stays, nobody reads it
	l.seen = l.look()
	l.seen.generation = g.Generation
	return nil
}

// Probe implements store.Lease.
func (l *lease) Probe(ctx context.Context) error {
	unlock, err := l.held(ctx, "probe")
	if err != nil {
		return err
	}
	defer unlock()
	return located(l.probe(), "probe", l.alias)
}

func (l *lease) probe() error {
	if l.s.key == nil {
		return sealed.NoKey()
	}
	if err := l.s.key.Check(); err != nil {
		return err
	}
	if _, err := l.generation(); err != nil {
		return err
	}
	l.giveRoom() // another lease may have used it up
	if err := l.s.room.Take(); err != nil {
		return err
	}
	l.room = true
	return nil
}

// put writes g in the generation that it has.
func (s *Store) put(g *store.Grant) error {
	data, err := sealed.SealGrant(s.key, grantKind, g)
	if err != nil {
		return err
	}
	return s.write(g.Alias, data)
}

// write replaces the grant's file. The lease excludes others, so that the temporary file can have a fixed name.
func (s *Store) write(alias string, data []byte) error {
	path := s.grantPath(alias)
	p, err := durable.Prepare(path, tempName(path), 0)
	if err != nil {
		return err
	}
	return p.Commit(data)
}

// sweep removes the temporary files that a crashed holder of the lease left.
func (s *Store) sweep(alias string) {
	path := s.grantPath(alias)
	durable.Sweep(tempName(path))
}

func tempName(path string) string {
	dir, base := filepath.Split(path)
	return dir + "." + base + ".new"
}

// Spool implements store.Spooler. It does not look at the saved grant, whose disk may be the one that fails.
func (s *Store) Spool(ctx context.Context, g *store.Grant) error {
	if err := ready(ctx, "spool", g.Alias); err != nil {
		return err
	}
	return located(s.spool.Put(g), "spool", g.Alias)
}
