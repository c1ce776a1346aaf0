package refresh

import (
	"context"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/store"
)

// renew gets the grant a new access token, by its refresh token or by running its flow again. The latter spends nothing:
// there is no mark, no doubt after a lost answer, and no dead token to be careful of. What stays is that one flight asks, under
// the lease, after looking again: Salesforce counts each run as a login and allows a user 3,600 an hour.
func renew(ctx context.Context, c *sftoken.Client, g *store.Grant) (*sftoken.Token, error) {
	switch {
	case g.Flow == sftoken.FlowJWTBearer:
		return c.JWTBearer(ctx, sftoken.JWTBearerOptions{Subject: g.Subject, Audience: g.Audience})
	case g.Flow == sftoken.FlowClientCredentials:
		return c.ClientCredentials(ctx)
	case g.Flow == sftoken.FlowHybrid:
		return c.RefreshHybrid(ctx, g.RefreshToken)
	}
	return c.Refresh(ctx, g.RefreshToken)
}

// sameLogin reports whether two grants without refresh tokens run the same flow as the same user: if not, somebody has
// logged in anew between a request and the save of its answer.
func sameLogin(a, b *store.Grant) bool {
	return a.Flow == b.Flow && a.Subject == b.Subject && a.App.ClientID == b.App.ClientID && a.App.Host == b.App.Host &&
		a.App.PrivateKey.Equal(b.App.PrivateKey) && a.App.ClientSecret.Equal(b.App.ClientSecret)
}

// notRenewable says why a grant that is not dead gives no further access token.
func notRenewable(g *store.Grant) string {
	facts := g.Flow.Facts()
	switch {
	case facts.Renewal == sftoken.RenewByRunning:
		return "the " + g.Flow.String() + " flow cannot be run again: its key, secret or user name is not in the grant"
	case !facts.RefreshToken:
		return noRefreshToken + ": the " + g.Flow.String() + " flow never gives one"
	}
	return noRefreshToken + ": the login did not ask for the refresh_token scope, or the app does not grant it"
}

// noRefreshToken begins the reason of a grant that never had one.
const noRefreshToken = "there is no refresh token"
