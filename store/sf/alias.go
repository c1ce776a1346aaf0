package sf

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/sftoken/sftoken/internal/durable"
)

// aliasGroup is the part of alias.json that names logins (core: aliasAccessor.ts, DEFAULT_GROUP).
const aliasGroup = "orgs"

func (s *Store) aliasPath() string { return filepath.Join(s.dir, "alias.json") }

// readAliases gives user names by alias.
func (s *Store) readAliases(ctx context.Context) (*object, error) {
	_, group, err := s.readAliasFile(ctx)
	return group, err
}

func (s *Store) readAliasFile(ctx context.Context) (whole, group *object, err error) {
	const mend = "name the logins anew with sf alias set"
	whole, _, err = readObject(ctx, s.aliasPath(), mend)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return newObject(), newObject(), nil
	case err != nil:
		return nil, nil, err
	case whole.values[aliasGroup] == nil:
		return whole, newObject(), nil
	}
	if group, err = parseObject(whole.values[aliasGroup]); err != nil {
		return nil, nil, damaged(s.aliasPath(), "its "+aliasGroup+" are "+err.Error(), mend)
	}
	return whole, group, nil
}

// changeAliases rewrites sf's aliases under its lock.
func (s *Store) changeAliases(ctx context.Context, change func(group *object)) error {
	path := s.aliasPath()
	held, err := take(ctx, path+".lock", s.locks)
	if err != nil {
		return err
	}
	defer held.release()
	whole, group, err := s.readAliasFile(ctx)
	if err != nil {
		return err
	}
	before := group.compact()
	change(group)
	if bytes.Equal(before, group.compact()) {
		return nil
	}
	whole.put(aliasGroup, group.compact())
	temp := ".alias.json.sftoken"
	durable.Sweep(filepath.Join(s.dir, temp))
	p, err := durable.PrepareShared(path, temp, 0)
	if err != nil {
		return err
	}
	return p.Commit(whole.compact())
}

// forgetUser takes all aliases off a user, as sf's logout does.
func (s *Store) forgetUser(ctx context.Context, user string) error {
	aliases, err := s.readAliases(ctx)
	if err != nil || !slices.ContainsFunc(aliases.keys, func(alias string) bool { return aliases.text(alias) == user }) {
		return err
	}
	return s.changeAliases(ctx, func(group *object) {
		for _, alias := range slices.Clone(group.keys) {
			if group.text(alias) == user {
				group.set(alias, "")
			}
		}
	})
}
