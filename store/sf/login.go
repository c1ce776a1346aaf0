package sf

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/store"
)

// login is one of sf's files: what it says in the words of a grant, and the object it is in.
type login struct {
	object  *object
	says    store.Grant // only what sf's file has a place for
	changed time.Time   // when the file was written
}

// These keys are sf's (core: authInfo.ts, AuthFields).
const (
	accessToken  = "accessToken"
	refreshToken = "refreshToken"
	clientSecret = "clientSecret"
	clientID     = "clientId"
	loginURL     = "loginUrl"
	instanceURL  = "instanceUrl"
	orgID        = "orgId"
	userID       = "userId"
	username     = "username"
)

// readLogin reads the login of a user, at a host that the rules allow.
func (s *Store) readLogin(ctx context.Context, user string, rules sftoken.HostRules) (*login, error) {
	o, changed, err := readObject(ctx, s.loginPath(user), "log in with sf again: sf org login web")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &store.Error{Kind: store.ErrNotFound}
	}
	if err != nil {
		return nil, err
	}
	return s.decode(ctx, user, rules, o, changed)
}

func (s *Store) decode(ctx context.Context, user string, rules sftoken.HostRules, o *object, changed time.Time) (*login, error) {
	l := &login{object: o, changed: changed, says: store.Grant{
		InstanceURL: o.text(instanceURL), OrgID: o.text(orgID), UserID: o.text(userID), Username: user,
	}}
	l.says.App.ClientID, l.says.AllowHosts = o.text(clientID), rules.Allow
	for name, to := range map[string]*sftoken.Secret{
		accessToken: &l.says.AccessToken, refreshToken: &l.says.RefreshToken, clientSecret: &l.says.App.ClientSecret,
	} {
		plain, err := s.open(ctx, user, o.text(name))
		if err != nil {
			return nil, err
		}
		*to = sftoken.NewSecret(plain)
	}
	host := o.text(loginURL)
	if !l.says.RefreshToken.IsZero() {
		// sf refreshes with its own app, and at the production pool, where its file names none (core: buildRefreshTokenConfig).
		l.says.App.ClientID, host = cmp.Or(l.says.App.ClientID, sftoken.PlatformCLI), cmp.Or(host, "login")
	}
	if host == "" {
		return l, nil
	}
	var err error
	l.says.App.Host, err = rules.Parse(host)
	return l, err
}

// open decrypts a value. When the key does not fit it is read anew once, for sf may have changed it.
func (s *Store) open(ctx context.Context, user, value string) (string, error) {
	if value == "" {
		return "", nil
	}
	var plain string
	var k *key
	var err error
	for range 2 {
		if k, err = s.secretKey(ctx); err != nil {
			return "", err
		}
		if plain, err = k.open(value); !errors.Is(err, errOtherKey) {
			break
		}
		s.forgetKey()
	}
	switch {
	case errors.Is(err, errOtherKey):
		return "", &store.Error{
			Path: s.loginPath(user), Kind: store.ErrKeyLost, ID: "sf-key-other",
			Detail: "it is encrypted with another key than the one in " + s.chain.where() + "; sf makes a new key when it does not find its own",
			Mend:   "bring the old key back, or log in again: sf org login web",
		}
	case err != nil:
		return "", damaged(s.loginPath(user), "a secret is "+err.Error(), "log in with sf again: sf org login web")
	}
	return plain, nil
}

// merge is the grant: what sf's file says, and of the rest what sftoken last saved. Other tokens than those that it saved
// mean that sf has refreshed the login, or made a new one, at the latest when it wrote its file.
func (l *login) merge(aside *store.Grant) *store.Grant {
	g := l.says
	if aside == nil {
		g.Generation = 1
		return &g
	}
	g = *aside.Clone()
	g.AccessToken, g.RefreshToken = l.says.AccessToken, l.says.RefreshToken
	g.App.ClientID, g.App.ClientSecret, g.App.Host = l.says.App.ClientID, l.says.App.ClientSecret, l.says.App.Host
	if len(g.AllowHosts) == 0 {
		g.AllowHosts = l.says.AllowHosts
	}
	g.InstanceURL, g.OrgID, g.UserID, g.Username = l.says.InstanceURL, l.says.OrgID, cmp.Or(l.says.UserID, aside.UserID), l.says.Username
	sameRefresh := g.RefreshToken.Equal(aside.RefreshToken)
	if sameRefresh && g.AccessToken.Equal(aside.AccessToken) {
		return &g
	}
	g.Generation++
	g.State, g.Reason, g.Spending, g.Rejected = store.Live, "", nil, ""
	g.Expiry, g.IssuedAt, g.RefreshedAt = store.Expiry{}, time.Time{}, l.changed
	if !sameRefresh || aside.MayRotate() {
		g.CreatedAt = l.changed // whether the token is spent by use is not known of this one
	}
	if g.App.ClientID != aside.App.ClientID || !sftoken.SameID(g.OrgID, aside.OrgID) {
		g = store.Grant{
			Generation: g.Generation, App: l.says.App, AllowHosts: g.AllowHosts, AccessToken: g.AccessToken, RefreshToken: g.RefreshToken,
			InstanceURL: g.InstanceURL, OrgID: g.OrgID, UserID: l.says.UserID, Username: g.Username,
			CreatedAt: l.changed, RefreshedAt: l.changed,
		}
	}
	return &g
}

// write brings what g says into the object, touching nothing that says so already. It reports whether anything changed.
func (l *login) write(g *store.Grant, k *key) (changed bool) {
	set := func(name, text string, same bool) {
		if !same {
			l.object.set(name, text)
			changed = true
		}
	}
	old := &l.says
	seal := func(secret sftoken.Secret) string {
		if secret.IsZero() {
			return ""
		}
		return k.seal(secret.Reveal())
	}
	set(accessToken, seal(g.AccessToken), g.AccessToken.Equal(old.AccessToken))
	set(refreshToken, seal(g.RefreshToken), g.RefreshToken.Equal(old.RefreshToken))
	set(clientSecret, seal(g.App.ClientSecret), g.App.ClientSecret.Equal(old.App.ClientSecret))
	set(clientID, g.App.ClientID, g.App.ClientID == old.App.ClientID)
	set(loginURL, g.App.Host.String(), g.App.Host == old.App.Host)
	set(instanceURL, g.InstanceURL, g.InstanceURL == old.InstanceURL)
	set(orgID, g.OrgID, g.OrgID == old.OrgID)
	set(userID, g.UserID, g.UserID == old.UserID || old.UserID == "") // sf needs none; the sidecar has it
	set(username, g.Username, l.object.text(username) == g.Username)
	return changed
}
