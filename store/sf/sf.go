package sf

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/durable"
	"github.com/sftoken/sftoken/internal/filename"
	"github.com/sftoken/sftoken/internal/lock"
	"github.com/sftoken/sftoken/internal/sealed"
	"github.com/sftoken/sftoken/internal/spool"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
)

// Options say where sf's logins are.
type Options struct {
	Dir        string    // sf's directory, ~/.sfdx; it is not made
	Sidecar    string    // a private directory for what sf's files have no place for; made when it is needed
	Key        *keys.Set // of the sidecar; nil: what sf has can be read, and nothing saved
	KeyFile    bool      // sf's key is in key.json whatever keychain there is (SF_USE_GENERIC_UNIX_KEYCHAIN)
	SecretTool string    // Linux: the program that asks the keychain (SFDX_SECRET_TOOL_PATH); "": /usr/bin/secret-tool
	AllowHosts []string  // further login hosts that sf's logins may be at (sftoken.HostRules.Allow)
}

// Store keeps grants in sf's files. Make it with Open.
type Store struct {
	dir, sidecar string
	allow        []string
	chain        keychain
	key          *keys.Set
	locks        *lock.Locks
	spool        spool.Spool

	mu   sync.Mutex
	kept *key // sf's, once read
}

var (
	_ store.Store     = (*Store)(nil)
	_ store.Spooler   = (*Store)(nil)
	_ store.Encrypted = (*Store)(nil)
)

// Kinds of sealed files.
const (
	sidecarKind = "sf store grant"
	spoolKind   = "sf store spool"
)

// Open returns the store in sf's directory. It creates nothing, opens no login and holds nothing open.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Dir == "" || o.Sidecar == "" {
		return nil, errors.New("open store: no directory given")
	}
	if err := ctx.Err(); err != nil {
		return nil, &store.Error{Op: "open store", Path: o.Dir, Err: err}
	}
	s := &Store{
		dir: o.Dir, sidecar: o.Sidecar, allow: o.AllowHosts, chain: o.keychain(), key: o.Key,
		locks: lock.In(filepath.Join(o.Sidecar, "locks")),
		spool: spool.Spool{Dir: filepath.Join(o.Sidecar, "spool"), Kind: spoolKind, Key: o.Key},
	}
	return s, located(s.check(), "open store", "")
}

// check refuses a sidecar that others can enter. How open sf's own directory is, is sf's affair.
func (s *Store) check() error {
	for _, dir := range []string{s.sidecar, filepath.Join(s.sidecar, "grants")} {
		if err := durable.CheckDir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return cmp.Or(s.locks.Check(), s.spool.Check())
}

func (s *Store) loginPath(user string) string { return filepath.Join(s.dir, user+".json") }

func (s *Store) sidecarPath(user string) string {
	return filepath.Join(s.sidecar, "grants", filename.Of(nameOf(user))+".grant")
}

// nameOf is what the sidecar's and the spool's files of a user are named after, whatever alias leads to him.
func nameOf(user string) string {
	if store.ValidAlias(user) == nil {
		return user
	}
	sum := sha256.Sum256([]byte(user))
	return "user-" + hex.EncodeToString(sum[:16])
}

// isUser tells user names as sf does, by the form of its file names (core: orgAccessor.ts, getFileRegex).
func isUser(name string) bool {
	before, host, found := strings.Cut(name, "@")
	label, rest, dotted := strings.Cut(host, ".")
	return found && dotted && before != "" && before[0] != '.' && label != "" && rest != "" &&
		!strings.ContainsAny(name, "/\\ \t\n\x00") && !strings.Contains(host, "..") && !strings.HasSuffix(host, ".")
}

// userOf resolves an alias as sf does: one of its aliases, else a user name. "" is neither.
func (s *Store) userOf(ctx context.Context, alias string) (string, error) {
	aliases, err := s.readAliases(ctx)
	if err != nil {
		return "", err
	}
	user := aliases.text(alias)
	if user == "" {
		user = alias
	}
	if !isUser(user) {
		return "", nil
	}
	return user, nil
}

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, alias string) (*store.Grant, error) {
	user, err := s.begin(ctx, "get", alias)
	if err != nil {
		return nil, err
	}
	g, err := s.read(ctx, user, alias)
	return g, located(err, "get", alias)
}

// begin is what all reading has in common.
func (s *Store) begin(ctx context.Context, op, alias string) (user string, err error) {
	if err := store.ValidAlias(alias); err != nil {
		return "", err
	}
	if err := ctx.Err(); err != nil {
		return "", &store.Error{Op: op, Alias: alias, Err: err}
	}
	if err = s.check(); err == nil {
		user, err = s.userOf(ctx, alias)
	}
	return user, located(err, op, alias)
}

// read returns the newer of the spooled and the saved grant.
func (s *Store) read(ctx context.Context, user, alias string) (*store.Grant, error) {
	if user == "" {
		return nil, &store.Error{Kind: store.ErrNotFound}
	}
	g, err := s.spool.Newer(nameOf(user), func() (*store.Grant, error) { return s.saved(ctx, user) })
	if err != nil {
		return nil, err
	}
	g.Alias = alias
	return g, nil
}

// saved is what sf's file and the sidecar say together. A save writes sf's file first: whoever reads the sidecar first, and
// finds it unchanged afterwards, has what belongs together.
func (s *Store) saved(ctx context.Context, user string) (*store.Grant, error) {
	l, aside, err := s.both(ctx, user)
	if err != nil {
		return nil, err
	}
	return l.merge(aside), nil
}

func (s *Store) both(ctx context.Context, user string) (*login, *store.Grant, error) {
	for {
		before := durable.Stamp(s.sidecarPath(user))
		aside, err := s.readSidecar(user)
		if err != nil {
			return nil, nil, err
		}
		l, err := s.readLogin(ctx, user, s.hosts(aside))
		if err != nil || durable.Same(before, durable.Stamp(s.sidecarPath(user))) {
			return l, aside, err
		}
	}
}

// readSidecar returns nil if there is none.
func (s *Store) readSidecar(user string) (*store.Grant, error) {
	g, err := sealed.ReadGrant(s.key, sidecarKind, nameOf(user), s.sidecarPath(user),
		"remove it to go on with what sf has; whether its refresh token was being spent is then not known")
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return g, err
}

// KeyIDs implements store.Encrypted: the keys of the sidecar, not sf's.
func (s *Store) KeyIDs(ctx context.Context, alias string) ([]string, error) {
	user, err := s.begin(ctx, "look at", alias)
	if err != nil || user == "" {
		return nil, err
	}
	ids, err := s.spool.KeyIDs(nameOf(user))
	if err != nil {
		return nil, located(err, "look at", alias)
	}
	switch id, err := sealed.KeyID(s.sidecarPath(user)); {
	case err == nil:
		ids = append(ids, id)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, located(err, "look at", alias)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// List implements store.Store.
func (s *Store) List(ctx context.Context) iter.Seq2[*store.Grant, error] {
	return store.ListByAlias(ctx, s)
}

// Aliases implements store.Store: sf's aliases of logins that are there, and the user names of those that have none. A name
// that is no valid alias of sftoken's is left out.
func (s *Store) Aliases(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, &store.Error{Op: "list grants", Err: err}
	}
	names, err := durable.Names(s.dir)
	if err != nil {
		return nil, located(err, "list grants", "")
	}
	aliases, err := s.readAliases(ctx)
	if err != nil {
		return nil, located(err, "list grants", "")
	}
	unnamed := map[string]bool{}
	for _, name := range names {
		if user, ok := strings.CutSuffix(name, ".json"); ok && isUser(user) {
			unnamed[user] = true
		}
	}
	found := map[string]bool{}
	for _, alias := range aliases.keys {
		if _, there := unnamed[aliases.text(alias)]; there {
			found[alias] = true
			unnamed[aliases.text(alias)] = false
		}
	}
	for user, alone := range unnamed {
		found[user] = found[user] || alone
	}
	maps.DeleteFunc(found, func(alias string, there bool) bool { return !there || store.ValidAlias(alias) != nil })
	return slices.Sorted(maps.Keys(found)), nil
}

// Close implements store.Store.
func (s *Store) Close() error { return nil }

// String implements store.Store.
func (s *Store) String() string { return "the Salesforce CLI's logins in " + s.dir }

// secretKey is sf's key, read once.
func (s *Store) secretKey(ctx context.Context) (*key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		k, err := s.chain.read(ctx)
		if err != nil {
			return nil, err
		}
		s.kept = k
	}
	return s.kept, nil
}

// forgetKey drops a key that did not fit: sf may have made another one.
func (s *Store) forgetKey() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = nil
}

// located says of an error below what was being done to which grant.
func located(err error, op, alias string) error {
	if e, ok := errors.AsType[*store.Error](err); ok {
		e.Op, e.Alias = op, alias
	}
	return err
}

// exists tells whether sf has a login of the user.
func (s *Store) exists(user string) bool {
	_, err := os.Stat(s.loginPath(user))
	return err == nil
}

func (s *Store) hosts(g *store.Grant) sftoken.HostRules {
	if g != nil && len(g.AllowHosts) > 0 {
		return sftoken.HostRules{Allow: g.AllowHosts}
	}
	return sftoken.HostRules{Allow: s.allow}
}
