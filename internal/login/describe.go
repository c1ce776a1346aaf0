package login

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/store"
)

// describe makes the grant of a token: whose it is, and until when as far as that can be learnt. What cannot be learnt is
// left empty and told as a warning; it is no reason to lose an approval.
func (j *Journey) describe(ctx context.Context, token *sftoken.Token) (*store.Grant, []error) {
	now := time.Now()
	grant := &store.Grant{
		Alias:        j.Alias,
		App:          j.Client.App,
		AllowHosts:   j.Client.Hosts.Allow,
		Flow:         j.Attempt.Flow,
		Subject:      j.Subject,
		Audience:     j.Audience,
		AccessToken:  token.AccessToken,
		RefreshToken: token.RefreshToken,
		InstanceURL:  token.InstanceURL,
		IdentityURL:  token.IdentityURL,
		CommunityURL: token.CommunityURL,
		OrgID:        sftoken.ID18(token.OrgID),
		UserID:       sftoken.ID18(token.UserID),
		Scopes:       token.Scopes,
		IssuedAt:     token.IssuedAt,
		State:        store.Live,
		CreatedAt:    now,
		RefreshedAt:  now,
	}
	var warnings []error
	if err := Identify(ctx, j.Client, token, grant); err != nil {
		warnings = append(warnings, err)
	}
	grant.Expiry = j.expiry(ctx, token)
	return grant, warnings
}

// Identify fills in whose the token is. It asks the identity URL, and userinfo where that is refused: which of the two a
// token may read depends on its scopes.
func Identify(ctx context.Context, client *sftoken.Client, token *sftoken.Token, grant *store.Grant) error {
	ctx, cancel := context.WithTimeout(ctx, 2*extraTime)
	defer cancel()
	identity, err := client.Identity(ctx, token)
	if err == nil {
		grant.Username, grant.DisplayName, grant.Email = identity.Username, identity.DisplayName, identity.Email
		return sameUser(grant, identity.OrganizationID, identity.UserID)
	}
	info, infoErr := client.UserInfo(ctx, token)
	if infoErr == nil {
		grant.Username, grant.DisplayName, grant.Email = info.PreferredUsername, info.Name, info.Email
		return sameUser(grant, info.OrganizationID, info.UserID)
	}
	return fmt.Errorf("look up the user: %w", errors.Join(err, infoErr))
}

// sameUser fills ids that the token answer did not have.
func sameUser(grant *store.Grant, orgID, userID string) error {
	if grant.OrgID == "" {
		grant.OrgID = sftoken.ID18(orgID)
	}
	if grant.UserID == "" {
		grant.UserID = sftoken.ID18(userID)
	}
	if !sftoken.SameID(grant.UserID, userID) || !sftoken.SameID(grant.OrgID, orgID) {
		return fmt.Errorf("look up the user: the token is for user %s of org %s, the identity says user %s of org %s",
			grant.UserID, grant.OrgID, userID, orgID)
	}
	return nil
}

// expiry learns when the access token dies. Salesforce sends no expires_in; a JWT says so itself, and an app that can
// authenticate may ask, if that is switched on: a refusal is no news.
func (j *Journey) expiry(ctx context.Context, token *sftoken.Token) store.Expiry {
	if !token.JWTExpiry.IsZero() {
		return store.Expiry{At: token.JWTExpiry, Source: store.FromJWT}
	}
	if j.Client.App.IsPublic() {
		return store.Expiry{}
	}
	ctx, cancel := context.WithTimeout(ctx, extraTime)
	defer cancel()
	found, err := j.Client.Introspect(ctx, token.AccessToken, sftoken.AccessTokenHint)
	if err != nil || !found.Active || found.ExpiresAt.IsZero() {
		return store.Expiry{}
	}
	return store.Expiry{At: found.ExpiresAt, Source: store.FromIntrospection}
}

// lookAround finds the other grants of the same user and app, and revokes the refresh token that this login replaced: it
// would stay behind as one of Salesforce's five approvals, with nobody holding it. A login without a refresh token takes
// none of the five; it revokes none either, since the JWT bearer flow may live on the very approval.
func (j *Journey) lookAround(ctx context.Context, o *Outcome) {
	if !j.Attempt.Flow.Facts().RefreshToken {
		return
	}
	for other, err := range j.Store.List(ctx) {
		if err == nil && other.Alias != o.Grant.Alias && other.State != store.Dead && sameApproval(other, o.Grant) &&
			other.Flow.Facts().RefreshToken {
			o.Same = append(o.Same, other.Alias)
		}
	}
	old := o.Renewed
	if old == nil || old.State == store.Dead || old.RefreshToken.IsZero() || old.RefreshToken.Equal(o.Grant.RefreshToken) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, extraTime)
	defer cancel()
	client := &sftoken.Client{App: old.App, Hosts: j.Client.Hosts, HTTP: j.Client.HTTP}
	if err := client.Revoke(ctx, old.RefreshToken); err != nil {
		o.Warnings = append(o.Warnings, fmt.Errorf("revoke the refresh token that this login replaced: %w", err))
	}
}

// NoRefreshToken says why a login brought no refresh token: "flow" (it never gives one), "not-asked", "not-granted" or
// "not-issued"; "" if it did.
func (j *Journey) NoRefreshToken(grant *store.Grant) string {
	switch {
	case !grant.RefreshToken.IsZero():
		return ""
	case !j.Attempt.Flow.Facts().RefreshToken:
		return "flow"
	case !offline(j.Attempt.Scopes):
		return "not-asked"
	case grant.Scopes != nil && !offline(grant.Scopes):
		return "not-granted"
	default:
		return "not-issued"
	}
}

func offline(scopes []string) bool {
	for _, scope := range scopes {
		if scope == "refresh_token" || scope == "offline_access" {
			return true
		}
	}
	return false
}
