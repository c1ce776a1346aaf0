// Package inspect looks for what is wrong with a data directory and a store, without changing anything: grants that do not
// open, files that others can use, what crashes have left, and files that are not ours.
//
// It knows no terminal and mends nothing. internal/cli and internal/doctor import it.
package inspect

import (
	"context"
	"errors"
	"time"

	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
)

// Finding is one thing that was noticed.
type Finding struct {
	ID      string // "grant", "unsafe", "leftover" …
	Problem bool   // something does not work, or is not safe; else it is only worth knowing
	Alias   string // the grant it is about
	Path    string // the file it is about
	Key     string // the key it is about
	Err     error  // what exactly, where there is an error
}

// Target is what to look at.
type Target struct {
	DataDir  string
	Keys     *keys.Set   // nil: there is none, or KeysErr says why not
	KeysErr  error       // why the keys cannot be had
	Store    store.Store // nil: it cannot be opened
	StoreErr error       // why not
	SpoolDir string      // of the store
	Others   []string    // files in the data directory that belong there, with all that begins with their names
	Apps     func() error
	Now      time.Time
}

// Findings are all that is noticed, problems first, and how many grants open.
type Findings struct {
	All    []Finding
	Grants int
}

// Problems is how many findings are problems.
func (f *Findings) Problems() int {
	n := 0
	for _, finding := range f.All {
		if finding.Problem {
			n++
		}
	}
	return n
}

func (f *Findings) add(finding Finding) { f.All = append(f.All, finding) }

func (f *Findings) problem(id string, err error) {
	finding := Finding{ID: id, Problem: true, Err: err}
	if e, ok := errors.AsType[*store.Error](err); ok {
		finding.Alias, finding.Path = e.Alias, e.Path
	}
	f.add(finding)
}

// Run looks at everything. Its error is the context's.
func Run(ctx context.Context, t Target) (*Findings, error) {
	f := &Findings{}
	if t.KeysErr != nil && !errors.Is(t.KeysErr, keys.ErrNoKey) {
		f.problem("key", t.KeysErr)
	}
	if t.StoreErr != nil {
		f.problem("store", t.StoreErr)
	}
	if t.Store != nil && t.KeysErr == nil {
		if err := f.grants(ctx, t); err != nil {
			return nil, err
		}
	}
	if t.Apps != nil && t.KeysErr == nil {
		if err := t.Apps(); err != nil {
			f.problem("apps", err)
		}
	}
	f.keys(t)
	f.spool(t)
	f.directory(t)
	return f, ctx.Err()
}

// ahead is by how much a clock may differ from the one that wrote a time.
const ahead = 10 * time.Minute

func (f *Findings) grants(ctx context.Context, t Target) error {
	for g, err := range t.Store.List(ctx) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			f.problem("grant", err)
			continue
		}
		f.Grants++
		if g.Generation == 0 {
			f.add(Finding{ID: "generation", Problem: true, Alias: g.Alias})
		}
		if g.RefreshedAt.After(t.Now.Add(ahead)) || g.CreatedAt.After(t.Now.Add(ahead)) {
			f.add(Finding{ID: "future", Alias: g.Alias})
		}
	}
	return nil
}

// keys speaks of a rotation that is not finished.
func (f *Findings) keys(t Target) {
	if t.Keys == nil {
		return
	}
	for _, id := range append(t.Keys.Older(), t.Keys.Retired()...) {
		f.add(Finding{ID: "older-key", Key: id})
	}
}
