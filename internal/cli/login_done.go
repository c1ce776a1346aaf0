package cli

import (
	"slices"
	"strings"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/login"
	"github.com/sftoken/sftoken/store"
)

// loginAnswer is what a login says with --json: no token among it.
type loginAnswer struct {
	grantView
	place
	Already         bool     `json:"already"` // the login still worked, nothing was done
	Renewed         bool     `json:"renewed"` // an earlier login of the same user was replaced
	HasRefreshToken bool     `json:"has_refresh_token"`
	NoRefreshToken  string   `json:"no_refresh_token_reason,omitempty"` // flow, not-asked, not-granted, not-issued
	WantedAlias     string   `json:"wanted_alias,omitempty"`            // the alias asked for, if it was taken
	SameUser        []string `json:"same_user_and_app,omitempty"`       // aliases that use up approvals of the same user
	Warnings        []string `json:"warnings,omitempty"`
}

// tellLogin says who logged in where, what came, and where it is kept.
func (e *Env) tellLogin(p *plan, o *login.Outcome) error {
	if e.JSON {
		return e.WriteJSON(answerOf(p, o))
	}
	g := o.Grant
	e.Say("done.login", map[string]any{"alias": g.Alias, "user": withNote(g.Username, g.DisplayName), "org": g.OrgID, "instance": g.InstanceURL})
	if len(g.Scopes) > 0 {
		e.Say("done.scopes", map[string]any{"scopes": strings.Join(g.Scopes, " ")})
	}
	if refused := notGranted(p.journey.Attempt.Scopes, g.Scopes); len(refused) > 0 {
		e.Warn("done.not-granted", map[string]any{"scopes": strings.Join(refused, " ")})
	}
	e.tellRenewal(g, p.journey.NoRefreshToken(g))
	e.Say("done.kept", map[string]any{"place": e.keptIn(p.kept), "key": e.keyIn(p.kept)})
	e.tellOthers(o)
	for _, warning := range o.Warnings {
		e.Warn("done.warning", map[string]any{"reason": warning})
	}
	e.Say("done.next", map[string]any{"alias": g.Alias})
	return nil
}

// tellRenewal says how the login goes on when its access token has died, or that it ends then.
func (e *Env) tellRenewal(g *store.Grant, reason string) {
	flow := map[string]any{"flow": g.Flow.String()}
	switch renewalOf(g) {
	case sftoken.RenewByRefreshToken:
		e.Say("done.refresh-token", nil)
	case sftoken.RenewByRunning:
		e.Say("done.run-again", flow)
	default:
		e.Warn("done.no-refresh-token", map[string]any{"reason": e.Text("no-refresh-token."+reason, flow)})
		e.Say("done.access-token-only", map[string]any{"expiry": e.expiryText(g.Expiry)})
	}
}

// tellOthers speaks of the other logins that this one touches: nothing is overwritten in silence, and five approvals are
// all that Salesforce keeps for a user and an app.
func (e *Env) tellOthers(o *login.Outcome) {
	if o.Taken != nil {
		e.Warn("done.taken", map[string]any{"wanted": o.Taken.Alias, "owner": o.Taken.Username, "alias": o.Grant.Alias})
	}
	switch {
	case o.Renewed == nil:
	case o.Renewed.RefreshToken.IsZero() || !o.Grant.Flow.Facts().RefreshToken:
		e.Say("done.replaced", nil)
	default:
		e.Say("done.renewed", map[string]any{"alias": o.Grant.Alias})
	}
	if len(o.Same) > 0 {
		id := "done.same"
		if len(o.Same) >= 4 {
			id = "done.fifth"
		}
		e.Warn(id, map[string]any{"aliases": joined(o.Same), "count": len(o.Same) + 1})
	}
}

func answerOf(p *plan, o *login.Outcome) loginAnswer {
	answer := loginAnswer{
		grantView:       viewOf(o.Grant),
		place:           p.kept.where(),
		Renewed:         o.Renewed != nil,
		HasRefreshToken: !o.Grant.RefreshToken.IsZero(),
		NoRefreshToken:  p.journey.NoRefreshToken(o.Grant),
		SameUser:        o.Same,
	}
	if o.Taken != nil {
		answer.WantedAlias = o.Taken.Alias
	}
	for _, warning := range o.Warnings {
		answer.Warnings = append(answer.Warnings, warning.Error())
	}
	return answer
}

// notGranted lists what was asked for and not given (C-47). An answer without scopes says nothing. offline_access is
// refresh_token under its OpenID Connect name.
func notGranted(asked, granted []string) []string {
	if granted == nil {
		return nil
	}
	var missing []string
	for _, scope := range asked {
		if slices.Contains(granted, scope) || slices.Contains(granted, "full") && scope != "refresh_token" && scope != "offline_access" {
			continue
		}
		if scope == "refresh_token" || scope == "offline_access" {
			continue // told by itself
		}
		missing = append(missing, scope)
	}
	return missing
}
