package sftoken

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// CredentialsOptions are a site user's own credentials, typed into the app's own page.
type CredentialsOptions struct {
	Username string
	Password Secret
	Scopes   []string // nil: the app's
	// PostOnly sends user name and password in the body instead of a header, for apps with "require user credentials in the
	// POST body".
	PostOnly bool
}

// CodeAndCredentials logs a user of an Experience Cloud site in without showing Salesforce's page (Salesforce, "Headless
// Identity"): one request to authorize, which answers with a code, and one to exchange that, with PKCE throughout. The host
// is the site, with its path. The redirect URI has to be registered but is never visited.
//
// A request that Salesforce does not take for a headless one, because the org, the site or the app has the flow switched
// off, is answered with a login page (observed): an *UnexpectedError with the ID answer-headless. Users with a second factor
// or a login flow cannot use it.
func (c *Client) CodeAndCredentials(ctx context.Context, o CredentialsOptions) (*Token, error) {
	if err := c.checkCredentials(o); err != nil {
		return nil, err
	}
	a := &Attempt{
		Flow:        FlowCodeAndCredentials,
		ClientID:    c.App.ClientID,
		Host:        c.App.Host,
		RedirectURI: c.App.RedirectURI,
		Scopes:      askedScopes(o.Scopes, c.App.Scopes),
		State:       NewSecret(randomText(24)),
		Verifier:    newVerifier(),
		CreatedAt:   time.Now(),
	}
	got, err := c.sendOnce(ctx, a.headless(o))
	if err != nil {
		return nil, err
	}
	code, err := a.acceptHeadless(got)
	if err != nil {
		return nil, err
	}
	return c.Exchange(ctx, a, code)
}

func (c *Client) checkCredentials(o CredentialsOptions) error {
	if err := c.checkFlow(FlowCodeAndCredentials); err != nil {
		return err
	}
	switch {
	case c.App.RedirectURI == "":
		return &AppError{"redirect URI", "none was given", "redirect-empty"}
	case o.Username == "" || !o.PostOnly && strings.Contains(o.Username, ":"): // RFC 7617 section 2
		return &AppError{"user name", "none was given, or there is a colon in it", "username-empty"}
	case o.Password.IsZero():
		return &AppError{"password", "none was given", "password-empty"}
	}
	return validScopes(o.Scopes)
}

func (a *Attempt) headless(o CredentialsOptions) call {
	form := url.Values{
		"response_type":         {"code_credentials"},
		"client_id":             {a.ClientID},
		"redirect_uri":          {a.RedirectURI},
		"state":                 {a.State.Reveal()},
		"code_challenge":        {challenge(a.Verifier)},
		"code_challenge_method": {"S256"},
	}
	if len(a.Scopes) > 0 {
		form.Set("scope", strings.Join(a.Scopes, " "))
	}
	header := http.Header{"Auth-Request-Type": {"Named-User"}}
	pair := o.Username + ":" + o.Password.Reveal()
	if o.PostOnly {
		form.Set("username", o.Username)
		form.Set("password", o.Password.Reveal())
	} else {
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
	}
	return call{
		endpoint: "authorize", url: a.Host.Endpoint("/services/oauth2/authorize"), form: form, header: header,
		secrets: []Secret{o.Password, NewSecret(pair), a.State},
	}
}

// acceptHeadless takes the code from the answer: an object, or a redirect to the redirect URI, which is read and not
// followed.
func (a *Attempt) acceptHeadless(got *answer) (Secret, error) {
	if query, ok := a.redirected(got); ok {
		return a.Accept(query)
	}
	if strings.HasPrefix(strings.TrimSpace(string(got.body)), "<") && got.status < 500 {
		return Secret{}, got.unexpected("answer-headless", "a login page: the request was not taken for a headless login")
	}
	f, err := got.read()
	if err != nil {
		return Secret{}, err
	}
	query := url.Values{}
	for _, name := range []string{"code", "state", "error", "error_description"} {
		if value := f.text(name); value != "" {
			query.Set(name, value)
		}
	}
	if query.Has("state") { // it need not be there: the answer came on our own connection
		return a.Accept(query)
	}
	return a.accept(query)
}

func (a *Attempt) redirected(got *answer) (url.Values, bool) {
	if !slices.Contains([]int{http.StatusFound, http.StatusSeeOther}, got.status) {
		return nil, false
	}
	place, query, ok := strings.Cut(got.location, "?")
	values, err := url.ParseQuery(query)
	return values, ok && err == nil && place == a.RedirectURI
}
