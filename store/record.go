package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/sftoken/sftoken"
)

// This file is where a grant's secrets become plain text, to be encrypted by the store that asked.

// schema is the newest form of the record that we know. It grows when a field is added or changes its meaning. A record is
// written in the oldest form that holds all of the grant, so that an older sftoken beside this one goes on reading what it
// understands, and refuses the rest.
//
//	1  the grant of a web server login
//	2  flow, subject, audience, private_key: grants of other flows, and of apps that authenticate by a key
const schema = 2

// record is a grant as JSON. Times are UTC; what is empty is left out.
type record struct {
	Schema     int    `json:"schema"`
	Alias      string `json:"alias"`
	Generation uint64 `json:"generation"`

	ClientID     string   `json:"client_id,omitempty"`
	ClientSecret string   `json:"client_secret,omitempty"`
	PrivateKey   string   `json:"private_key,omitempty"`
	Host         string   `json:"login_host,omitempty"`
	RedirectURI  string   `json:"redirect_uri,omitempty"`
	AppScopes    []string `json:"app_scopes,omitempty"`
	AllowHosts   []string `json:"allow_hosts,omitempty"`

	Flow     string `json:"flow,omitempty"`
	Subject  string `json:"subject,omitempty"`
	Audience string `json:"audience,omitempty"`

	AccessToken  string `json:"access_token,omitempty"`
	RefreshToken string `json:"refresh_token,omitempty"`
	InstanceURL  string `json:"instance_url,omitempty"`
	IdentityURL  string `json:"identity_url,omitempty"`
	CommunityURL string `json:"community_url,omitempty"`

	OrgID       string `json:"org_id,omitempty"`
	UserID      string `json:"user_id,omitempty"`
	Username    string `json:"username,omitempty"`
	DisplayName string `json:"display_name,omitempty"`
	Email       string `json:"email,omitempty"`

	Scopes       []string     `json:"scopes,omitempty"`
	IssuedAt     time.Time    `json:"issued_at,omitzero"`
	ExpiresAt    time.Time    `json:"expires_at,omitzero"`
	ExpirySource ExpirySource `json:"expiry_source,omitempty"`
	Rejected     string       `json:"rejected,omitempty"`

	State    string    `json:"state"`
	Reason   string    `json:"reason,omitempty"`
	Spending *spending `json:"spending,omitempty"`
	Rotates  bool      `json:"rotates,omitempty"`

	CreatedAt   time.Time `json:"created_at,omitzero"`
	RefreshedAt time.Time `json:"refreshed_at,omitzero"`
}

type spending struct {
	Fingerprint string    `json:"fingerprint"`
	Since       time.Time `json:"since"`
	Owner       string    `json:"owner,omitempty"`
}

// Encode writes a grant as plain text, secrets and all, for a store that encrypts it before it goes anywhere. Decode reads
// it. Monotonic clock readings and time zones are lost.
func Encode(g *Grant) ([]byte, error) {
	for _, secret := range []sftoken.Secret{g.AccessToken, g.RefreshToken, g.App.ClientSecret, g.App.PrivateKey} {
		if !utf8.ValidString(secret.Reveal()) { // JSON would put other characters in
			return nil, fmt.Errorf("encode grant %s: a secret is not valid UTF-8", g.Alias)
		}
	}
	state, err := g.State.MarshalText()
	if err != nil {
		return nil, fmt.Errorf("encode grant %s: %w", g.Alias, err)
	}
	r := record{
		Alias: g.Alias, Generation: g.Generation,
		ClientID: g.App.ClientID, ClientSecret: g.App.ClientSecret.Reveal(), PrivateKey: g.App.PrivateKey.Reveal(), RedirectURI: g.App.RedirectURI,
		Subject: g.Subject, Audience: g.Audience,
		AppScopes: g.App.Scopes, AllowHosts: g.AllowHosts,
		AccessToken: g.AccessToken.Reveal(), RefreshToken: g.RefreshToken.Reveal(),
		InstanceURL: g.InstanceURL, IdentityURL: g.IdentityURL, CommunityURL: g.CommunityURL,
		OrgID: g.OrgID, UserID: g.UserID, Username: g.Username, DisplayName: g.DisplayName, Email: g.Email,
		Scopes: g.Scopes, IssuedAt: g.IssuedAt.UTC(), ExpiresAt: g.Expiry.At.UTC(), ExpirySource: g.Expiry.Source, Rejected: g.Rejected,
		State: string(state), Reason: g.Reason, Rotates: g.Rotates,
		CreatedAt: g.CreatedAt.UTC(), RefreshedAt: g.RefreshedAt.UTC(),
	}
	if g.Flow != sftoken.FlowWebServer { // the zero Flow, which schema 1 means
		r.Flow = string(g.Flow)
	}
	if r.Schema = 1; r.Flow+r.Subject+r.Audience+r.PrivateKey != "" {
		r.Schema = 2
	}
	if !g.App.Host.IsZero() {
		r.Host = g.App.Host.String()
	}
	if s := g.Spending; s != nil {
		r.Spending = &spending{s.Fingerprint, s.Since.UTC(), s.Owner}
	}
	data, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode grant %s: %w", g.Alias, err)
	}
	return data, nil
}

// Decode reads what Encode wrote. It fails with ErrNewerFormat when a newer version wrote it, even if only in part
// understood: saving it again would drop what we do not know. Anything else wrong is ErrDamaged.
func Decode(data []byte) (*Grant, error) {
	var r record
	var state State
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if dec.Decode(&r) != nil || r.Schema < 1 || r.Schema > schema || state.UnmarshalText([]byte(r.State)) != nil {
		return nil, diagnose(data)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, damaged("something after its end")
	}
	if ValidAlias(r.Alias) != nil {
		return nil, damaged("no valid alias")
	}
	if _, err := sftoken.ParseFlow(r.Flow); err != nil {
		return nil, diagnose(data)
	}
	return r.grant(state)
}

// diagnose tells a damaged record from one that a newer version wrote.
func diagnose(data []byte) error {
	var head struct {
		Schema int `json:"schema"`
	}
	newer := &Error{
		Op: "decode grant", Kind: ErrNewerFormat, Mend: "update sftoken",
		Detail: "written by a newer version of sftoken: it holds something that this one does not know",
	}
	switch err := json.Unmarshal(data, &head); {
	case err != nil:
		return damaged("not JSON")
	case head.Schema < 1:
		return damaged("no schema number")
	case head.Schema > schema:
		newer.Detail = fmt.Sprintf("written by a newer version of sftoken in schema %d, this one knows schema %d", head.Schema, schema)
		return newer
	}
	if err := json.Unmarshal(data, new(record)); err != nil {
		return damaged("a field of another type")
	}
	return newer
}

func (r *record) grant(state State) (*Grant, error) {
	g := &Grant{
		Alias: r.Alias, Generation: r.Generation,
		App: sftoken.App{
			ClientID: r.ClientID, ClientSecret: sftoken.NewSecret(r.ClientSecret), PrivateKey: sftoken.NewSecret(r.PrivateKey),
			RedirectURI: r.RedirectURI, Scopes: r.AppScopes,
		},
		AllowHosts: r.AllowHosts,
		Flow:       sftoken.Flow(r.Flow), Subject: r.Subject, Audience: r.Audience,
		AccessToken: sftoken.NewSecret(r.AccessToken), RefreshToken: sftoken.NewSecret(r.RefreshToken),
		InstanceURL: r.InstanceURL, IdentityURL: r.IdentityURL, CommunityURL: r.CommunityURL,
		OrgID: r.OrgID, UserID: r.UserID, Username: r.Username, DisplayName: r.DisplayName, Email: r.Email,
		Scopes: r.Scopes, IssuedAt: r.IssuedAt, Expiry: Expiry{r.ExpiresAt, r.ExpirySource}, Rejected: r.Rejected,
		State: state, Reason: r.Reason, Rotates: r.Rotates,
		CreatedAt: r.CreatedAt, RefreshedAt: r.RefreshedAt,
	}
	if r.Host != "" {
		if err := g.App.Host.UnmarshalText([]byte(r.Host)); err != nil {
			return nil, damaged("no valid login host")
		}
	}
	if s := r.Spending; s != nil {
		g.Spending = &Spending{s.Fingerprint, s.Since, s.Owner}
	}
	return g, nil
}

// damaged keeps the cause to itself: the errors of package json quote the text, which holds secrets.
func damaged(what string) error {
	return &Error{Op: "decode grant", Kind: ErrDamaged, Detail: "damaged (" + what + ")"}
}
