package sf

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/sftoken/sftoken/internal/durable"
	"github.com/sftoken/sftoken/internal/sealed"
	"github.com/sftoken/sftoken/store"
)

// reserveSize is what Probe sets aside at least, of each disk. A login takes about 4 KiB.
const reserveSize = 64 << 10

// reserves are set aside by Probe.
type reserves struct{ login, sidecar *durable.Pending }

func (r *reserves) discard() {
	for _, p := range []*durable.Pending{r.login, r.sidecar} {
		if p != nil {
			p.Discard()
		}
	}
	*r = reserves{}
}

// Save implements store.Lease. It writes sf's file before the sidecar: a crash in between looks like a refresh by sf, and
// loses nothing but what is known of the expiry.
func (l *lease) Save(ctx context.Context, g *store.Grant) error {
	unlock, err := l.held(ctx, "save")
	if err != nil {
		return err
	}
	defer unlock()
	return located(l.save(ctx, g), "save", l.alias)
}

func (l *lease) save(ctx context.Context, g *store.Grant) error {
	stored, err := l.generation(ctx)
	if err != nil {
		return err // nothing is written over what cannot be read
	}
	if err := store.CheckSave(l.alias, g, stored); err != nil {
		return err
	}
	if err := l.settleUser(ctx, g); err != nil {
		return err
	}
	next := g.Clone()
	next.Generation++
	if err := l.s.put(ctx, l.user, next, l); err != nil {
		return err
	}
	g.Generation++
	l.half = nil
	_ = l.s.spool.Remove(nameOf(l.user)) // older than the grant now: if it stays, nobody reads it
	return nil
}

// generation is that of the newest grant; 0 if there is none.
func (l *lease) generation(ctx context.Context) (uint64, error) {
	if l.user == "" {
		return 0, nil
	}
	if l.half != nil && durable.Same(l.half.file, durable.Stamp(l.s.loginPath(l.user))) {
		return l.half.generation, nil
	}
	g, err := l.s.read(ctx, l.user, l.alias)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return g.Generation, nil
}

// settleUser finds the place of a login that is new, and locks it.
func (l *lease) settleUser(ctx context.Context, g *store.Grant) error {
	switch {
	case l.user != "" && g.Username != l.user && g.Username != "":
		return &store.Error{
			Kind: store.ErrUnsafe, ID: "sf-user-other",
			Detail: fmt.Sprintf("it is the login of %s in the Salesforce CLI, not of %s", l.user, g.Username), Mend: "use another alias",
		}
	case l.user != "":
		return nil
	case !isUser(g.Username):
		return &store.Error{
			Kind: store.ErrUnsafe, ID: "sf-user-missing",
			Detail: fmt.Sprintf("the Salesforce CLI keeps logins by user name, and %q is none", g.Username), Mend: "keep it in another store",
		}
	case !l.s.there():
		return l.s.chain.lost("there is no "+l.s.dir, nil)
	case l.s.exists(g.Username):
		return &store.Error{
			Kind: store.ErrUnsafe, ID: "sf-user-taken",
			Detail: fmt.Sprintf("the Salesforce CLI keeps one login for each user, and has one of %s", g.Username),
			Mend:   "use that one: name it by the user name",
		}
	}
	return l.claim(ctx, g.Username)
}

// put writes g, in the generation that it has: sf's file if it says something else, then the sidecar, then the alias if it
// is new. l, if not nil, has what was set aside.
func (s *Store) put(ctx context.Context, user string, g *store.Grant, l *lease) error {
	if s.key == nil {
		return sealed.NoKey()
	}
	wrote, err := s.writeLogin(ctx, user, g, l)
	if err != nil {
		return err
	}
	var reserve *durable.Pending
	if l != nil {
		reserve = l.reserves.sidecar
	}
	if err := s.writeSidecar(user, g, reserve); err != nil {
		if l != nil && wrote {
			l.half = &half{durable.Stamp(s.loginPath(user)), g.Generation - 1}
		}
		return err
	}
	if l == nil || l.alias == user {
		return nil
	}
	aliases, err := s.readAliases(ctx)
	if err != nil || aliases.text(l.alias) == user {
		return err
	}
	return s.changeAliases(ctx, func(group *object) { group.set(l.alias, user) })
}

// writeLogin brings sf's file up to g. It is read again under sf's lock, since sf writes other keys at any time.
func (s *Store) writeLogin(ctx context.Context, user string, g *store.Grant, l *lease) (wrote bool, err error) {
	k, err := s.secretKey(ctx)
	if err != nil {
		return false, err
	}
	path := s.loginPath(user)
	if now, err := s.loginNow(ctx, user, g); err != nil || !now.write(g, k) {
		return false, err
	}
	writing, err := take(ctx, path+".lock", s.locks)
	if err != nil {
		return false, err
	}
	defer writing.release()
	now, err := s.loginNow(ctx, user, g)
	if err != nil || !now.write(g, k) {
		return false, err
	}
	if l != nil {
		if err := l.rotation.held(); err != nil { // it may have been taken over during that wait
			return false, err
		}
	}
	data := now.object.pretty()
	p, err := durable.PrepareShared(path, tempLogin(user, "new"), 0)
	if err == nil {
		err = p.Commit(data)
	}
	if errors.Is(err, store.ErrNoSpace) && l != nil && l.reserves.login != nil {
		err = l.reserves.login.Commit(data)
	}
	return err == nil || errors.Is(err, durable.ErrUnsynced), err
}

// loginNow is the user's login, an empty one if there is none.
func (s *Store) loginNow(ctx context.Context, user string, g *store.Grant) (*login, error) {
	l, err := s.readLogin(ctx, user, s.hosts(g))
	if errors.Is(err, store.ErrNotFound) {
		return &login{object: newObject()}, nil
	}
	return l, err
}

func (s *Store) writeSidecar(user string, g *store.Grant, reserve *durable.Pending) error {
	named := *g
	named.Alias = nameOf(user)
	data, err := sealed.SealGrant(s.key, sidecarKind, &named)
	if err != nil {
		return err
	}
	path := s.sidecarPath(user)
	p, err := durable.Prepare(path, tempSidecar(path, "new"), 0)
	if err == nil {
		err = p.Commit(data)
	}
	if errors.Is(err, store.ErrNoSpace) && reserve != nil {
		err = reserve.Commit(data)
	}
	return err
}

// Probe implements store.Lease.
func (l *lease) Probe(ctx context.Context) error {
	unlock, err := l.held(ctx, "probe")
	if err != nil {
		return err
	}
	defer unlock()
	return located(l.probe(ctx), "probe", l.alias)
}

func (l *lease) probe(ctx context.Context) error {
	s := l.s
	if s.key == nil {
		return sealed.NoKey()
	}
	if err := s.key.Check(); err != nil {
		return err
	}
	if _, err := s.secretKey(ctx); err != nil {
		return err
	}
	if _, err := l.generation(ctx); err != nil {
		return err
	}
	l.reserves.discard()
	name := l.user
	if name == "" {
		name = nameOf(l.alias) // of no use for a Save, but it shows whether there is room
	}
	size := reserveSize
	if info := durable.Stamp(s.loginPath(name)); info != nil {
		size = max(size, 2*int(info.Size()))
	}
	var err error
	if l.reserves.login, err = durable.PrepareShared(s.loginPath(name), tempLogin(name, "reserve"), size); err != nil {
		return err
	}
	path := s.sidecarPath(name)
	l.reserves.sidecar, err = durable.Prepare(path, tempSidecar(path, "reserve"), size)
	if l.user == "" {
		l.reserves.discard()
	}
	return err
}

// sf takes no file for a login whose name begins with a dot.
func tempLogin(user, what string) string { return "." + user + ".json.sftoken-" + what }

func tempSidecar(path, what string) string {
	dir, base := filepath.Split(path)
	return dir + "." + base + "." + what
}

// Spool implements store.Spooler. It does not look at sf's file, whose disk may be the one that fails.
func (s *Store) Spool(ctx context.Context, g *store.Grant) error {
	user, err := s.begin(ctx, "spool", g.Alias)
	if err != nil {
		return err
	}
	if user == "" {
		return &store.Error{Op: "spool", Alias: g.Alias, Kind: store.ErrNotFound, Detail: "the Salesforce CLI has no such login yet"}
	}
	named := g.Clone()
	named.Alias = nameOf(user)
	err = s.spool.Put(named)
	g.Generation = named.Generation
	return located(err, "spool", g.Alias)
}

// replay puts a spooled grant into its place.
func (s *Store) replay(ctx context.Context, user string) {
	s.spool.Replay(nameOf(user), func() (*store.Grant, error) { return s.saved(ctx, user) },
		func(spooled, _ *store.Grant) error { return s.put(ctx, user, spooled, nil) })
}
