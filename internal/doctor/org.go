package doctor

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/approvals"
	"github.com/sftoken/sftoken/internal/rest"
	"github.com/sftoken/sftoken/store"
)

// identity asks whose the access token is, and compares it with what is kept.
func identity(ctx context.Context, x *examination) []Finding {
	g := x.now()
	user, err := x.client.UserInfo(ctx, &sftoken.Token{AccessToken: g.AccessToken, InstanceURL: g.InstanceURL})
	switch {
	case err != nil && tokenEnded(err), errors.Is(err, sftoken.ErrTemporary):
		return nil // api says it
	case err != nil:
		return []Finding{failed(Note, "identity-unknown", err)}
	case g.UserID != "" && !sftoken.SameID(g.UserID, user.UserID), g.OrgID != "" && !sftoken.SameID(g.OrgID, user.OrganizationID):
		return []Finding{found(Failure, "identity-other", "user", user.PreferredUsername, "org", user.OrganizationID, "kept", g.Username)}
	}
	return []Finding{found(OK, "identity", "user", user.PreferredUsername, "org", user.OrganizationID)}
}

// tokenEnded reports an access token that Salesforce does not take, in its several words.
func tokenEnded(err error) bool {
	wire, ok := errors.AsType[*sftoken.Error](err)
	return ok && (wire.Code == "INVALID_SESSION_ID" || wire.Code == "Bad_OAuth_Token" || wire.Status == http.StatusUnauthorized)
}

// shortestSession is the shortest time-out that an org can set: a younger token that is refused met a policy.
const shortestSession = 15 * time.Minute

// api calls the REST API with the access token that is kept, and reads the daily quota from what it answers.
func api(ctx context.Context, x *examination) []Finding {
	g := x.now()
	x.org = rest.New(&bearer{x.http.Transport, g.AccessToken, g.InstanceURL, g.App.Host, x.Hosts}, g.InstanceURL)
	var limits map[string]struct{ Max, Remaining int64 }
	err := x.org.Get(ctx, "limits", &limits)
	wire, _ := errors.AsType[*sftoken.Error](err)
	switch {
	case err == nil:
	case wire != nil && strings.Contains(wire.Description, "not valid for use"):
		return []Finding{failed(Failure, "api", err)}
	case tokenEnded(err):
		return x.ended(ctx, g, err)
	case wire != nil && wire.Status == http.StatusForbidden && strings.Contains(wire.Description, "limits resource"):
		return x.works() // the user may not see limits (observed), and the API took the token
	default:
		return []Finding{failed(Failure, "api", err, "instance", g.InstanceURL)}
	}
	all := x.works()
	if daily, ok := limits["DailyApiRequests"]; ok && daily.Max > 0 {
		data := []any{"used", daily.Max - daily.Remaining, "max", daily.Max, "share", 100 * (daily.Max - daily.Remaining) / daily.Max}
		switch {
		case daily.Remaining <= 0:
			all = append(all, found(Failure, "quota", data...).explained("api-limit"))
		case daily.Remaining*10 < daily.Max:
			all = append(all, found(Warning, "quota", data...).explained("api-limit"))
		default:
			all = append(all, found(OK, "quota", data...))
		}
	}
	return all
}

func (x *examination) works() []Finding {
	x.mu.Lock()
	x.taken = true
	x.mu.Unlock()
	return []Finding{found(OK, "api", "instance", x.org.Origin)}
}

// ended tells a session that is over, which is normal, from one that a policy refuses.
func (x *examination) ended(ctx context.Context, g *store.Grant, err error) []Finding {
	if !g.App.IsPublic() {
		got, introspectErr := x.client.Introspect(ctx, g.AccessToken, sftoken.AccessTokenHint)
		switch {
		case introspectErr == nil && got.Active:
			return []Finding{found(Failure, "api-policy").explained("session-policy")}
		case introspectErr == nil:
			return []Finding{found(Note, "api-ended")} // the check of the refresh token says whether that matters
		}
	}
	switch {
	case g.State == store.Dead:
		return nil
	case x.Refresh != nil && x.Now.Sub(g.IssuedAt) < shortestSession:
		return []Finding{failed(Failure, "api-policy", err).explained("session-policy")}
	}
	return []Finding{found(Unknown, "api-ended-unknown")}
}

// approvalsUsed counts against the five approvals that an app has of a user.
func approvalsUsed(ctx context.Context, x *examination) []Finding {
	g := x.now()
	list, err := approvals.List(ctx, x.org, g.UserID)
	if err != nil {
		return []Finding{failed(Note, "approvals-unknown", err)}
	}
	approvals.Guess(list, g.RefreshedAt)
	counts, ours := map[string]int{}, ""
	for _, a := range list {
		counts[a.App]++
		if a.Ours == approvals.Probably {
			ours = a.App
		}
	}
	for app, count := range counts {
		if count >= approvals.Most && (app == ours || ours == "") {
			return []Finding{found(Warning, "approvals-full", "app", app, "count", count)}
		}
	}
	return []Finding{found(OK, "approvals", "count", len(list), "app", ours, "ours", counts[ours])}
}
