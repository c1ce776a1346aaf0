// Package useragent is a browser for machines: it signs in on a login page and answers a consent page as a person would, by
// the pages' own forms, and follows the redirects up to the loopback callback that waits for the code.
//
// It runs no scripts, shows nothing, and goes to loopback hosts only: it types a password, so it is for the emulator and
// never for Salesforce itself. The demo and tests may import it.
package useragent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"
)

// Decision is the button pressed on the consent page.
type Decision string

// The consent page's two buttons.
const (
	Allow Decision = "allow"
	Deny  Decision = "deny"
)

// Agent is one person at one browser.
type Agent struct {
	Username  string
	Password  string
	Decision  Decision          // "": Allow
	Language  string            // Accept-Language; "" sends none
	Transport http.RoundTripper // nil: one without proxy
	MaxPages  int               // 0: 20 answers, redirects included
}

// Page is one page that the agent was shown.
type Page struct {
	URL    string // may hold a code: not for showing
	Status int
	Title  string
	Text   string // what a person reads on it
}

var (
	// ErrRefused is returned when the login page came back after the password was sent.
	ErrRefused = errors.New("the login page did not accept user name and password")
	// ErrForeignHost is returned when a page leads to a host that isn't loopback.
	ErrForeignHost = errors.New("not a loopback host")
	// ErrLoop is returned when the pages don't come to an end.
	ErrLoop = errors.New("too many pages")
)

const maxPage = 1 << 20

// Visit opens address, signs in, decides, and returns the last page: the one without a form that the agent can answer. The
// caller judges it by its status and text.
func (a *Agent) Visit(ctx context.Context, address string) (*Page, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	v := &visit{agent: a, jar: jar, transport: a.Transport}
	if v.transport == nil {
		v.transport = &http.Transport{DisableKeepAlives: true, ResponseHeaderTimeout: time.Minute}
	}
	next := step{method: http.MethodGet, url: address}
	limit := a.MaxPages
	if limit == 0 {
		limit = 20
	}
	for range limit {
		page, following, err := v.take(ctx, next)
		if err != nil {
			return nil, err
		}
		if following == nil {
			return page, nil
		}
		next = *following
	}
	return nil, fmt.Errorf("visit %s: %w", origin(address), ErrLoop)
}

// step is a request to make next.
type step struct {
	method, url string
	form        url.Values
}

type visit struct {
	agent     *Agent
	jar       http.CookieJar
	transport http.RoundTripper
	signedIn  bool // the password was sent
}

// take makes one request. It returns the page, or what to do next.
func (v *visit) take(ctx context.Context, s step) (*Page, *step, error) {
	u, err := url.Parse(s.url)
	if err != nil {
		return nil, nil, fmt.Errorf("visit: the address is malformed") // the address may hold a code: not in the error
	}
	if !loopback(u) {
		return nil, nil, fmt.Errorf("visit %s: %w", origin(s.url), ErrForeignHost)
	}
	response, err := v.send(ctx, u, s)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return nil, nil, fmt.Errorf("visit %s: %w", origin(s.url), err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxPage))
	if err != nil {
		return nil, nil, fmt.Errorf("visit %s: read page: %w", origin(s.url), err)
	}
	if location := response.Header.Get("Location"); location != "" && response.StatusCode/100 == 3 {
		next, err := u.Parse(location)
		if err != nil {
			return nil, nil, fmt.Errorf("visit %s: the redirect is malformed", origin(s.url))
		}
		return nil, redirect(response.StatusCode, s, next), nil
	}
	page, form, err := read(body)
	if err != nil {
		return nil, nil, fmt.Errorf("visit %s: read page: %w", origin(s.url), err)
	}
	page.URL, page.Status = u.String(), response.StatusCode
	if form == nil {
		return page, nil, nil
	}
	next, err := v.answer(u, page, form)
	return page, next, err
}

func (v *visit) send(ctx context.Context, u *url.URL, s step) (*http.Response, error) {
	var body io.Reader
	if s.method == http.MethodPost {
		body = strings.NewReader(s.form.Encode())
	}
	request, err := http.NewRequestWithContext(ctx, s.method, u.String(), body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Origin", u.Scheme+"://"+u.Host)
	}
	request.Header.Set("Accept", "text/html")
	if v.agent.Language != "" {
		request.Header.Set("Accept-Language", v.agent.Language)
	}
	for _, cookie := range v.jar.Cookies(u) {
		request.AddCookie(cookie)
	}
	response, err := v.transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	v.jar.SetCookies(u, response.Cookies())
	return response, nil
}

// redirect follows as browsers do: 307 and 308 repeat the request, the others fetch.
func redirect(status int, s step, to *url.URL) *step {
	next := &step{method: http.MethodGet, url: to.String()}
	if status == http.StatusTemporaryRedirect || status == http.StatusPermanentRedirect {
		next.method, next.form = s.method, s.form
	}
	return next
}

// loopback reports whether the host is this machine by its name or address; a name that merely resolves to it isn't enough.
func loopback(u *url.URL) bool {
	if u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	host := u.Hostname()
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// origin is the part of an address that may be shown.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "the address"
	}
	return u.Scheme + "://" + u.Host + u.EscapedPath()
}
