package doctor

import (
	"context"
	"errors"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/explain"
	"github.com/sftoken/sftoken/store"
)

// refresh is the one proof that a refresh token works. It spends it, and only the person can want that.
func refresh(ctx context.Context, x *examination) []Finding {
	if x.Refresh == nil || x.grant == nil {
		return nil
	}
	renewed, err := x.Refresh(ctx)
	if renewed != nil {
		x.mu.Lock()
		x.grant = renewed
		x.mu.Unlock()
	}
	if err != nil {
		return []Finding{failed(Failure, "refresh", err)}
	}
	return []Finding{found(OK, "refresh", "generation", renewed.Generation)}
}

// grant is what the store knows of the grant's life.
func grant(_ context.Context, x *examination) []Finding {
	g := x.now()
	switch {
	case g.State == store.Dead:
		f := found(Failure, "grant-dead", "reason", g.Reason, "since", day(g.RefreshedAt))
		if match := explain.Text(g.Reason, "refresh"); match != nil {
			f.Entry = match.Entry
		} else {
			f = f.explained("login-required")
		}
		return []Finding{f}
	case g.State == store.Uncertain:
		return []Finding{found(Warning, "grant-uncertain", "reason", g.Reason).explained("grant-uncertain")}
	case !g.Renewable():
		return []Finding{found(Failure, "grant-no-refresh-token", "scopes", g.Scopes).explained("no-refresh-token")}
	case g.Spending != nil && x.Now.Sub(g.Spending.Since) > time.Minute:
		return []Finding{found(Warning, "grant-spending", "since", g.Spending.Since.UTC().Format(time.RFC3339), "owner", g.Spending.Owner).explained("grant-uncertain")}
	}
	return []Finding{found(OK, "grant", "user", g.Username, "org", g.OrgID)}
}

// refreshToken asks Salesforce about the refresh token without spending it. That takes an app with a secret.
func refreshToken(ctx context.Context, x *examination) []Finding {
	g := x.now()
	if g.RefreshToken.IsZero() || g.State == store.Dead || !x.connected {
		return nil
	}
	if g.App.IsPublic() {
		return []Finding{found(Note, "refresh-token-public")}
	}
	got, err := x.client.Introspect(ctx, g.RefreshToken, sftoken.RefreshTokenHint)
	if err != nil {
		if entry := explain.Find(err); entry != nil && !errors.Is(err, sftoken.ErrTemporary) {
			return []Finding{failed(Failure, "refresh-token-refused", err)}
		}
		return []Finding{failed(Unknown, "refresh-token-unknown", err)}
	}
	if !got.Active {
		return []Finding{found(Failure, "refresh-token-dead", "refreshed", day(g.RefreshedAt)).explained("refresh-dead")}
	}
	f := found(OK, "refresh-token", "expires", "")
	if !got.ExpiresAt.IsZero() {
		f.Data["expires"] = day(got.ExpiresAt)
		if got.ExpiresAt.Sub(x.Now) < week {
			f.Level, f.ID = Warning, "refresh-token-ends"
		}
	}
	return []Finding{f}
}

const (
	day24 = 24 * time.Hour
	week  = 7 * day24
	// idleLimit is how long a refresh token may lie unused (RN264 p. 954, as others quote it).
	idleLimit = 30 * day24
)

// idle counts the days that are left until the refresh token is too old to be used.
func idle(_ context.Context, x *examination) []Finding {
	g := x.now()
	if g.RefreshToken.IsZero() || g.RefreshedAt.IsZero() {
		return nil
	}
	unused := x.Now.Sub(g.RefreshedAt)
	left := idleLimit - unused
	data := []any{"days", int(unused / day24), "left", max(0, int((left+day24-1)/day24)), "until", day(g.RefreshedAt.Add(idleLimit))}
	switch {
	case left <= 0:
		return []Finding{found(Warning, "idle-over", data...)}
	case g.State == store.Dead:
		return nil
	case left < week:
		return []Finding{found(Warning, "idle-soon", data...)}
	}
	return []Finding{found(OK, "idle", data...)}
}

// rotation says who else may end the grant. That what came was saved shows in the generation.
func rotation(_ context.Context, x *examination) []Finding {
	g := x.now()
	switch {
	case !g.Rotates:
		return nil
	case g.State == store.Dead:
		return []Finding{found(Note, "rotation-dead", "generation", g.Generation)}
	}
	return []Finding{found(OK, "rotation", "generation", g.Generation)}
}

func day(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Local().Format("2006-01-02")
}
