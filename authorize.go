package sftoken

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// AuthorizeOptions are the parameters of an authorize request that are sent only when asked for.
type AuthorizeOptions struct {
	Flow      Flow     // FlowWebServer (the zero Flow), FlowHybrid or FlowUserAgent
	Scopes    []string // nil: the app's
	Prompt    string   // login, consent, select_account, or several with spaces between
	LoginHint string   // the user name to fill in
	Display   string   // page, popup, touch or mobile
}

// Attempt is one login under way: what was asked, and the three values that the answer must fit. Whoever keeps one
// across processes reveals the three itself, into a sealed file.
type Attempt struct {
	Flow        Flow // FlowWebServer, FlowHybrid or FlowUserAgent
	ClientID    string
	Host        Host
	RedirectURI string
	Scopes      []string // as asked; empty when the request named none
	State       Secret
	Verifier    Secret
	Nonce       Secret // zero unless openid was asked for
	CreatedAt   time.Time
	URL         string // the authorize URL, for the person's browser
}

// Authorize prepares a login in a browser: by the web server flow (response_type=code), always with PKCE S256 and a state
// of 192 bits, or as the options say by the hybrid or the user-agent flow. It sends nothing: the person opens the attempt's
// URL. The error is an *AppError.
func (c *Client) Authorize(o AuthorizeOptions) (*Attempt, error) {
	if err := c.App.Validate(); err != nil {
		return nil, err
	}
	if c.App.RedirectURI == "" {
		return nil, &AppError{"redirect URI", "none was given", "redirect-empty"}
	}
	if err := o.validate(); err != nil {
		return nil, err
	}
	if err := o.Flow.check(c.App); err != nil {
		return nil, err
	}
	a := &Attempt{
		Flow:        o.Flow,
		ClientID:    c.App.ClientID,
		Host:        c.App.Host,
		RedirectURI: c.App.RedirectURI,
		Scopes:      askedScopes(o.Scopes, c.App.Scopes),
		State:       NewSecret(randomText(24)),
		CreatedAt:   time.Now(),
	}
	if a.Flow != FlowUserAgent {
		a.Verifier = newVerifier()
	}
	if slices.Contains(a.Scopes, "openid") {
		a.Nonce = NewSecret(randomText(24))
	}
	a.URL = a.Host.Endpoint("/services/oauth2/authorize") + "?" + a.query(o).Encode()
	return a, nil
}

func askedScopes(asked, app []string) []string {
	switch {
	case asked != nil:
		return slices.Clone(asked)
	case app != nil:
		return slices.Clone(app)
	}
	return DefaultScopes()
}

func (a *Attempt) query(o AuthorizeOptions) url.Values {
	q := url.Values{
		"response_type": {a.responseType()},
		"client_id":     {a.ClientID},
		"redirect_uri":  {a.RedirectURI},
		"state":         {a.State.Reveal()},
	}
	if !a.Verifier.IsZero() {
		q.Set("code_challenge", challenge(a.Verifier))
		q.Set("code_challenge_method", "S256") // said explicitly, though Salesforce assumes it
	}
	set := func(name, value string) {
		if value != "" {
			q.Set(name, value)
		}
	}
	set("scope", strings.Join(a.Scopes, " ")) // absent: all the scopes of the app
	set("nonce", a.Nonce.Reveal())
	set("prompt", o.Prompt)
	set("login_hint", o.LoginHint)
	set("display", o.Display)
	return q
}

// responseType asks for an ID token only together with openid: Salesforce lists "token id_token" but not "id_token".
func (a *Attempt) responseType() string {
	switch {
	case a.Flow != FlowUserAgent:
		return "code"
	case a.Nonce.IsZero():
		return "token"
	}
	return "token id_token"
}

func (o AuthorizeOptions) validate() error {
	if flow := o.Flow.or(); flow != FlowWebServer && flow != FlowHybrid && flow != FlowUserAgent {
		return &AppError{"flow", "the " + flow.String() + " flow does not begin in a browser at our redirect URI", "flow-no-browser"}
	}
	for prompt := range strings.FieldsSeq(o.Prompt) {
		if !slices.Contains([]string{"login", "consent", "select_account"}, prompt) {
			return &AppError{"prompt", "Salesforce knows login, consent and select_account", "prompt-unknown"}
		}
	}
	if o.Display != "" && !slices.Contains([]string{"page", "popup", "touch", "mobile"}, o.Display) {
		return &AppError{"display", "Salesforce knows page, popup, touch and mobile", "display-unknown"}
	}
	return validScopes(o.Scopes)
}
