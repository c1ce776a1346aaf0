package doctor

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/explain"
)

// asking is an authorize request that nobody logs in for. Salesforce checks the app, its callback, PKCE and the scopes before
// it asks who is there, so that the answer tells which of them is wrong; no approval comes of it.
type asking struct {
	attempt *sftoken.Attempt
	query   url.Values
}

// asks reports whether the app logs in by a browser, and prepares the request.
func (x *examination) asks() (*asking, error) {
	if x.App.ClientID == "" || x.App.RedirectURI == "" {
		return nil, nil
	}
	if x.grant != nil && !x.grant.Flow.Facts().Browser {
		return nil, nil
	}
	attempt, err := x.client.Authorize(sftoken.AuthorizeOptions{})
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(attempt.URL)
	if err != nil {
		return nil, err
	}
	return &asking{attempt, u.Query()}, nil
}

// with is the same request with another parameter; "" takes it out.
func (a *asking) with(name, value string) *asking {
	query := url.Values{}
	for n, values := range a.query {
		query[n] = slices.Clone(values)
	}
	if query.Set(name, value); value == "" {
		query.Del(name)
	}
	return &asking{a.attempt, query}
}

// send returns Salesforce's refusal as *sftoken.Error, nil if it asks for the login.
func (x *examination) send(ctx context.Context, a *asking) error {
	target := a.attempt.Host.Endpoint("/services/oauth2/authorize")
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target+"?"+a.query.Encode(), nil)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", "sftoken")
	request.Header.Set("Accept", "text/html")
	response, err := x.http.Do(request)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err
		}
		return &sftoken.TransportError{Endpoint: "authorize", URL: target, Err: err}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 256<<10))
	if err != nil {
		return &sftoken.TransportError{Endpoint: "authorize", URL: target, Err: err}
	}
	return a.refusal(response, string(body))
}

// screenCode is how the error page shows a reason.
var screenCode = regexp.MustCompile(`OAUTH_[A-Z_]{4,}`)

// refusal reads an answer: a redirect to an error page or to the callback, the bare text of an error, or a page that shows one.
func (a *asking) refusal(response *http.Response, body string) error {
	text := response.Header.Get("Location")
	if text == "" {
		text = strings.TrimSpace(body)
	}
	query, err := sftoken.ParsePasted(text)
	if err == nil && query.Get("error") != "" {
		query.Del("state") // ours, or none
		_, err := a.attempt.AcceptPasted("?" + query.Encode())
		return err
	}
	if response.StatusCode >= 500 || response.StatusCode == http.StatusTooManyRequests {
		return &sftoken.Error{Endpoint: "authorize", Status: response.StatusCode}
	}
	if code := screenCode.FindString(body); code != "" && explain.Text(code, "") != nil {
		return &sftoken.Error{Endpoint: "authorize", Code: code}
	}
	return nil
}

func authorize(ctx context.Context, x *examination) []Finding {
	a, err := x.asks()
	switch {
	case err != nil:
		return []Finding{failed(Failure, "input", err)}
	case a == nil:
		return nil
	}
	err = x.send(ctx, a)
	if err == nil {
		return []Finding{found(OK, "authorize", "redirect", x.App.RedirectURI, "scopes", strings.Join(a.attempt.Scopes, " "))}
	}
	if _, ok := errors.AsType[*sftoken.TransportError](err); ok {
		return []Finding{failed(Failure, "connection", err, "host", x.App.Host)}
	}
	level := Failure
	if x.lives() && (x.App.Host.IsPool() || !isUnknownClient(err)) {
		level = Warning // what is refused here keeps nobody from refreshing, but from the next login
	}
	f := failed(level, "authorize", err)
	if f.Entry != nil && f.Entry.ID == "redirect-mismatch" {
		f.Data["redirect"], f.Data["length"] = x.App.RedirectURI, len(x.App.RedirectURI)
	}
	all := []Finding{f}
	switch {
	case f.Entry == nil:
	case f.Entry.ID == "client-id-unknown" && x.App.Host.IsPool():
		all = append(all, found(Note, "client-at-pool", "host", x.App.Host))
	case f.Entry.ID == "redirect-mismatch":
		all = append(all, x.otherRedirects(ctx, a)...)
	case f.Entry.ID == "scope-not-on-app":
		all = append(all, x.wrongScopes(ctx, a)...)
	}
	return all
}

// lives reports a grant that is kept as alive.
func (x *examination) lives() bool { return !deadOrGone(x.grant) }

func isUnknownClient(err error) bool {
	entry := explain.Find(err)
	return entry != nil && entry.ID == "client-id-unknown"
}

// otherRedirects tries spellings of the callback that people mix up, and names those that the app has.
func (x *examination) otherRedirects(ctx context.Context, a *asking) []Finding {
	redirect := x.App.RedirectURI
	tries := []string{redirect + "/", strings.TrimSuffix(redirect, "/"), sftoken.DefaultRedirectURI}
	switch rest, isHTTP := strings.CutPrefix(redirect, "http://"); {
	case isHTTP:
		tries = append(tries, "https://"+rest)
	default:
		tries = append(tries, "http://"+strings.TrimPrefix(redirect, "https://"))
	}
	if u, err := url.Parse(redirect); err == nil && u.Hostname() == "localhost" {
		tries = append(tries, u.Scheme+"://"+u.Host)
	}
	var known []string
	for _, other := range x.each(ctx, tries, func(try string) *asking { return a.with("redirect_uri", try) }) {
		if other.err == nil && other.value != redirect && !slices.Contains(known, other.value) {
			known = append(known, other.value)
		}
	}
	if len(known) == 0 {
		return nil
	}
	return []Finding{found(Note, "redirect-known", "known", strings.Join(known, ", "))}
}

// wrongScopes asks for one scope after the other and names those that the app lacks.
func (x *examination) wrongScopes(ctx context.Context, a *asking) []Finding {
	var lacking []string
	for _, one := range x.each(ctx, a.attempt.Scopes, func(scope string) *asking { return a.with("scope", scope) }) {
		if entry := explain.Find(one.err); entry != nil && entry.ID == "scope-not-on-app" {
			lacking = append(lacking, one.value)
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	return []Finding{found(Note, "scopes-lacking", "scopes", strings.Join(lacking, " "))}
}

type reply struct {
	value string
	err   error
}

// each sends a request for each value, all at once.
func (x *examination) each(ctx context.Context, values []string, of func(string) *asking) []reply {
	replies := make([]reply, len(values))
	var wait sync.WaitGroup
	for i, value := range values {
		wait.Go(func() { replies[i] = reply{value, x.send(ctx, of(value))} })
	}
	wait.Wait()
	return replies
}

// pkce finds out whether the app insists on PKCE. sftoken always sends it; other programs may not.
func pkce(ctx context.Context, x *examination) []Finding {
	a, err := x.asks()
	if a == nil || err != nil {
		return nil
	}
	err = x.send(ctx, a.with("code_challenge", "").with("code_challenge_method", ""))
	if entry := explain.Find(err); entry != nil && entry.ID == "pkce-required" {
		return []Finding{found(OK, "pkce-required")}
	}
	return nil
}

// secret has the app ask about a token that was never issued: introspection needs the app to authenticate and changes
// nothing. A grant's own introspection shows it too.
func secret(ctx context.Context, x *examination) []Finding {
	if x.App.ClientID == "" || x.App.IsPublic() || x.lives() {
		return nil
	}
	_, err := x.client.Introspect(ctx, sftoken.NewSecret("sftoken.doctor.no.such.token"), "")
	wire, refused := errors.AsType[*sftoken.Error](err)
	switch {
	case err == nil:
		return []Finding{found(OK, "secret")}
	case refused && slices.Contains([]string{"invalid_client", "invalid_client_id", "invalid_client_credentials", "oauth_flow_disabled"}, wire.Code):
		return []Finding{failed(Failure, "secret", err)}
	}
	return []Finding{failed(Note, "secret-unknown", err)}
}
