package cli

import (
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/stores"
	"github.com/sftoken/sftoken/store"
)

// grantView is what is shown of a grant: everything but its secrets, which have fingerprints.
type grantView struct {
	Alias        string        `json:"alias"`
	State        string        `json:"state"`
	Reason       string        `json:"reason,omitempty"`
	Flow         string        `json:"flow,omitempty"`
	Renewal      string        `json:"renewal,omitempty"` // refresh-token, run-again, login
	Username     string        `json:"username,omitempty"`
	Name         string        `json:"name,omitempty"`
	Email        string        `json:"email,omitempty"`
	UserID       string        `json:"user_id,omitempty"`
	OrgID        string        `json:"org_id,omitempty"`
	InstanceURL  string        `json:"instance_url,omitempty"`
	LoginHost    *sftoken.Host `json:"login_host,omitempty"`
	ClientID     string        `json:"client_id,omitempty"`
	ClientSecret string        `json:"client_secret_fingerprint,omitempty"`
	RedirectURI  string        `json:"redirect_uri,omitempty"`
	Scopes       []string      `json:"scopes,omitempty"`
	RefreshToken string        `json:"refresh_token_fingerprint,omitempty"`
	Rotates      bool          `json:"rotates"`
	AccessToken  string        `json:"access_token_fingerprint,omitempty"`
	IssuedAt     *time.Time    `json:"issued_at,omitempty"`
	ExpiresAt    *time.Time    `json:"expires_at,omitempty"`
	ExpirySource string        `json:"expiry_source,omitempty"`
	CreatedAt    *time.Time    `json:"created_at,omitempty"`
	RefreshedAt  *time.Time    `json:"refreshed_at,omitempty"`
	Generation   uint64        `json:"generation,omitempty"`
	Error        string        `json:"error,omitempty"` // the grant cannot be read
}

// stateUnreadable stands beside live, uncertain and dead for a grant that cannot be read.
const stateUnreadable = "unreadable"

func viewOf(g *store.Grant) grantView {
	return grantView{
		Alias:        g.Alias,
		State:        g.State.String(),
		Reason:       g.Reason,
		Flow:         g.Flow.String(),
		Renewal:      string(renewalOf(g)),
		Username:     g.Username,
		Name:         g.DisplayName,
		Email:        g.Email,
		UserID:       g.UserID,
		OrgID:        g.OrgID,
		InstanceURL:  g.InstanceURL,
		LoginHost:    &g.App.Host,
		ClientID:     g.App.ClientID,
		ClientSecret: g.App.ClientSecret.Fingerprint(),
		RedirectURI:  g.App.RedirectURI,
		Scopes:       g.Scopes,
		RefreshToken: g.RefreshToken.Fingerprint(),
		Rotates:      g.Rotates,
		AccessToken:  g.AccessToken.Fingerprint(),
		IssuedAt:     known(g.IssuedAt),
		ExpiresAt:    known(g.Expiry.At),
		ExpirySource: string(g.Expiry.Source),
		CreatedAt:    known(g.CreatedAt),
		RefreshedAt:  known(g.RefreshedAt),
		Generation:   g.Generation,
	}
}

// renewalOf says how a grant gets its next access token: its flow may promise more than came.
func renewalOf(g *store.Grant) sftoken.Renewal {
	switch {
	case !g.RefreshToken.IsZero():
		return sftoken.RenewByRefreshToken
	case g.RunsAgain():
		return sftoken.RenewByRunning
	}
	return sftoken.RenewByLogin
}

// place says where grants and key are kept.
type place struct {
	KeptIn string `json:"kept_in"`          // the data directory, or the location of the database
	KeyIn  string `json:"key_in,omitempty"` // "keyring" or "file"
}

func (k *kept) where() place {
	if k.at.Kind != stores.File {
		return place{KeptIn: k.at.String(), KeyIn: string(k.place)}
	}
	return place{KeptIn: k.dir, KeyIn: string(k.place)}
}
