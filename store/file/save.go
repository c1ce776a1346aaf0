package file

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/sftoken/sftoken/internal/durable"
	"github.com/sftoken/sftoken/internal/sealed"
	"github.com/sftoken/sftoken/store"
)

// reserveSize is what Probe sets aside at least. A grant takes about 2 KiB.
const reserveSize = 64 << 10

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
	if errors.Is(err, store.ErrNoSpace) && l.reserve != nil {
		err = l.reserve.Commit(data)
		l.reserve = nil
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
	size := reserveSize
	path := l.s.grantPath(l.alias)
	if info, err := os.Stat(path); err == nil {
		size = max(size, 2*int(info.Size()))
	}
	if l.reserve != nil {
		l.reserve.Discard()
		l.reserve = nil
	}
	var err error
	l.reserve, err = durable.Prepare(path, tempName(path, "reserve"), size)
	return err
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
	p, err := durable.Prepare(path, tempName(path, "new"), 0)
	if err != nil {
		return err
	}
	return p.Commit(data)
}

// sweep removes the temporary files that a crashed holder of the lease left.
func (s *Store) sweep(alias string) {
	path := s.grantPath(alias)
	durable.Sweep(tempName(path, "new"))
	durable.Sweep(tempName(path, "reserve"))
}

func tempName(path, what string) string {
	dir, base := filepath.Split(path)
	return dir + "." + base + "." + what
}

// Spool implements store.Spooler. It does not look at the saved grant, whose disk may be the one that fails.
func (s *Store) Spool(ctx context.Context, g *store.Grant) error {
	if err := ready(ctx, "spool", g.Alias); err != nil {
		return err
	}
	return located(s.spool.Put(g), "spool", g.Alias)
}
