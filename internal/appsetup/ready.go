package appsetup

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sftoken/sftoken"
)

// ReadyError says that the login servers still do not know the app, or its callback.
type ReadyError struct{ Last error }

func (e *ReadyError) Error() string {
	return fmt.Sprintf("wait for the app: the login host does not know it yet: %v", e.Last)
}

func (e *ReadyError) Unwrap() error { return e.Last }

// ErrorID returns the stable name of this kind of error.
func (e *ReadyError) ErrorID() string { return "app-not-ready" }

// Is makes it sftoken.ErrTemporary: it takes minutes, seldom half an hour.
func (e *ReadyError) Is(target error) bool { return target == sftoken.ErrTemporary }

const (
	firstProbe = 3 * time.Second
	lastProbe  = 20 * time.Second
)

// Ready waits until the login host takes an authorization request for the app: a new app is known everywhere only after some
// minutes (Setup says 2 to 10; up to 30 were seen). It asks for the page to which a browser would be sent, logs nobody in and
// burns no approval. address is the authorize URL; waiting is told of each answer that says not yet. When ctx's deadline
// passes the error is a *ReadyError.
func Ready(ctx context.Context, client *http.Client, address string, waiting func(error)) error {
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	own.Jar = nil // somebody's session would change the answer
	var last error
	for pause := firstProbe; ; pause = min(2*pause, lastProbe) {
		err := probe(ctx, &own, address)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil && !notYet(err) {
			return err
		}
		if ctx.Err() == nil {
			last = err
			waiting(err)
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) && last != nil {
				return &ReadyError{Last: last}
			}
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// notYet recognises what is answered while an app spreads (failures.md A3), and what goes by.
func notYet(err error) bool {
	if errors.Is(err, sftoken.ErrTemporary) {
		return true
	}
	wire, ok := errors.AsType[*sftoken.Error](err)
	return ok && slices.Contains([]string{"invalid_client_id", "redirect_uri_mismatch", "app_not_found", "oauth_ec_app_not_found"}, strings.ToLower(wire.Code))
}

// probe sends the authorize request once. Nil means that the login host would let somebody log in.
func probe(ctx context.Context, client *http.Client, address string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("wait for the app: %w", err)
	}
	r.Header.Set("User-Agent", "sftoken")
	res, err := client.Do(r)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err // its text repeats the address, with the state
		}
		host, _, _ := strings.Cut(address, "?")
		return &sftoken.TransportError{Endpoint: "authorize", URL: host, Err: err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 256<<10))
	if err != nil {
		host, _, _ := strings.Cut(address, "?")
		return &sftoken.TransportError{Endpoint: "authorize", URL: host, Err: err}
	}
	if code, description := refusedIn(res.StatusCode, res.Header.Get("Location"), string(body)); code != "" {
		return &sftoken.Error{Endpoint: "authorize", Status: res.StatusCode, Code: code, Description: description}
	}
	if res.StatusCode >= 400 {
		return &sftoken.Error{Endpoint: "authorize", Status: res.StatusCode}
	}
	return nil
}

var (
	errorIn = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?:^|[?&#])error=([A-Za-z_-]{3,60})(?:&error_description=([^&"'<>\s]{0,400}))?`)
	})
	screenCode = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\b(OAUTH_[A-Z_]{3,60})\b`) })
)

// refusedIn finds the error of an authorize request in where it leads and in what it shows: in the query of the error page,
// as a bare body, within a script of the page, or as a code on the screen.
func refusedIn(status int, location, body string) (code, description string) {
	body = strings.TrimSpace(body)
	// A login page may have such words in its scripts.
	if page := strings.HasPrefix(body, "<"); page && status < 400 && !strings.Contains(body, "RemoteAccessErrorPage") {
		body = ""
	}
	for _, text := range []string{location, body} {
		text = html.UnescapeString(strings.NewReplacer(`\/`, "/", `\u0026`, "&", `\x26`, "&", `\u003d`, "=", `\x3d`, "=").Replace(text))
		if found := errorIn().FindStringSubmatch(text); found != nil {
			description, err := url.QueryUnescape(found[2])
			if err != nil {
				description = ""
			}
			return found[1], strings.Map(printable, description)
		}
		if found := screenCode().FindStringSubmatch(text); found != nil {
			return found[1], ""
		}
	}
	return "", ""
}
